// message: what the case expects
#ifdef SPANKEY_BREAK
static_assert(false, "what the compiler says");
#endif
