// Counts the heap allocations of a program, from all its threads: calls of malloc, calloc, realloc and the aligned
// forms, and with them new, containers and C libraries. Only for glibc, and not beside a sanitizer's own malloc.
#pragma once

namespace spankey_test {

/// Calls so far.
long heap_allocations();

/// From now on call number n of this thread finds no memory, and all others do; 0: all of them do.
void fail_allocation(long n);

}  // namespace spankey_test
