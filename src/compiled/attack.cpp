#include "spankey/attack/moments.inl"
