#include "spankey/backend/cpu/update_passes.inl"
