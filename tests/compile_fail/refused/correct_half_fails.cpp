// message: never reached
static_assert(false, "both halves are wrong");
