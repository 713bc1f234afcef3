// glibc lets a program bring its own malloc: these count, and pass on to glibc's. Its free() takes what they return.
#include "heap_counter.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {
std::atomic<long> calls{0};
thread_local long until_failure = 0;

// False where this call is the one that fails.
bool count_call() {
  calls.fetch_add(1, std::memory_order_relaxed);
  if (until_failure == 0 || --until_failure > 0) return true;
  errno = ENOMEM;
  return false;
}
}  // namespace

long spankey_test::heap_allocations() { return calls.load(); }
void spankey_test::fail_allocation(long n) { until_failure = n; }

extern "C" {

void* malloc(std::size_t bytes) noexcept {
  if (!count_call()) return nullptr;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  if (!count_call()) return nullptr;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) noexcept {
  if (!count_call()) return nullptr;
  return __libc_realloc(memory, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  if (!count_call()) return nullptr;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  if (!count_call()) return nullptr;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  if (!count_call()) return ENOMEM;
  void* const found = __libc_memalign(alignment, bytes);
  if (found == nullptr) return ENOMEM;
  *memory = found;
  return 0;
}

}  // extern "C"
