// Preloaded into the program (LD_PRELOAD): one call fails on purpose. For Linux with glibc.
//
//   SPANKEY_FAULT_KIND     write, fsync, close, link, rename, any (of these and of open), allocation (from the first
//                          sigaction on, which main begins with) or scheduler (those that oneTBB asks for)
//   SPANKEY_FAULT_AT       number of the call that fails, from 1; 0: none, calls are only counted
//   SPANKEY_FAULT_CODE     errno of the failing call; 0: a write that takes half of its bytes; -1: the process is killed
//   SPANKEY_FAULT_FOLDER   only calls for files and folders below this one count
//   SPANKEY_FAULT_COUNT    file that gets the number of calls when the program ends
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

struct settings {
  const char *kind = std::getenv("SPANKEY_FAULT_KIND"), *folder = std::getenv("SPANKEY_FAULT_FOLDER");
  const char* count = std::getenv("SPANKEY_FAULT_COUNT");
  long at = number("SPANKEY_FAULT_AT");
  int code = static_cast<int>(number("SPANKEY_FAULT_CODE"));
  static long number(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? 0 : std::atol(text);
  }
};

std::atomic<long> calls{0};
std::atomic<bool> ready{false}, in_main{false};
settings* wanted = nullptr;
constexpr int most_files = 1024;
bool counted[most_files];

bool is_for_files(const char* kind) {
  return std::strcmp(kind, "allocation") != 0 && std::strcmp(kind, "scheduler") != 0;
}

bool fails(const char* kind) {
  if (!ready.load(std::memory_order_relaxed) || wanted->kind == nullptr ||
      (std::strcmp(wanted->kind, kind) != 0 &&
       (std::strcmp(wanted->kind, "any") != 0 || !is_for_files(kind))))
    return false;
  if (++calls != wanted->at) return false;
  if (wanted->code == -1) ::raise(SIGKILL);
  return true;
}

bool is_scheduler(const void* caller) {
  Dl_info found;
  return ::dladdr(caller, &found) != 0 && found.dli_fname != nullptr &&
         std::strstr(found.dli_fname, "libtbb") != nullptr;
}
bool fails_allocation(const void* caller) {
  if (!in_main.load(std::memory_order_relaxed) || wanted->kind == nullptr) return false;
  if (fails("allocation")) return true;
  return std::strcmp(wanted->kind, "scheduler") == 0 && is_scheduler(caller) && fails("scheduler");
}

bool below_folder(const char* path) {
  if (!ready || wanted->folder == nullptr) return false;
  const std::size_t length = std::strlen(wanted->folder);
  return std::strncmp(path, wanted->folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

template <class F>
F next(const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

int opened(const char* path, int flags, unsigned mode) {
  if (below_folder(path) && fails("open")) {
    errno = wanted->code;
    return -1;
  }
  const int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  if (fd >= 0 && fd < most_files) counted[fd] = below_folder(path);
  return fd;
}
bool is_counted(int fd) { return fd >= 0 && fd < most_files && counted[fd]; }

[[gnu::constructor]] void begin() {
  static settings all;
  wanted = &all;
  ready = true;
}
[[gnu::destructor]] void end() {
  if (wanted == nullptr || wanted->count == nullptr) return;
  ready = false;
  char text[32];
  const int length = std::snprintf(text, sizeof text, "%ld\n", calls.load());
  const int fd = static_cast<int>(::syscall(SYS_open, wanted->count, O_WRONLY | O_CREAT | O_TRUNC, 0644));
  (void)!::syscall(SYS_write, fd, text, static_cast<std::size_t>(length));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0;
  va_end(more);
  return opened(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, unsigned) : 0;
  va_end(more);
  return opened(path, flags, mode);
}

ssize_t write(int fd, const void* bytes, std::size_t count) {
  if (is_counted(fd) && fails("write")) {
    if (wanted->code == 0) return ::syscall(SYS_write, fd, bytes, (count + 1) / 2);
    errno = wanted->code;
    return -1;
  }
  return ::syscall(SYS_write, fd, bytes, count);
}

int fsync(int fd) {
  if (is_counted(fd) && fails("fsync")) {
    errno = wanted->code;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int close(int fd) {
  const bool here = is_counted(fd);
  if (fd >= 0 && fd < most_files) counted[fd] = false;
  const int result = static_cast<int>(::syscall(SYS_close, fd));
  if (here && fails("close")) {
    errno = wanted->code;
    return -1;
  }
  return result;
}

int sigaction(int signal, const struct sigaction* action, struct sigaction* before) noexcept {
  static const auto real = next<int (*)(int, const struct sigaction*, struct sigaction*)>("sigaction");
  const int result = real(signal, action, before);
  in_main = true;
  return result;
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  if (below_folder(to) && fails("link")) {
    errno = wanted->code;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
}

int rename(const char* from, const char* to) {
  if (below_folder(to) && fails("rename")) {
    errno = wanted->code;
    return -1;
  }
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  return real(from, to);
}

void* malloc(std::size_t bytes) noexcept {
  if (fails_allocation(__builtin_return_address(0))) return errno = ENOMEM, nullptr;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  if (fails_allocation(__builtin_return_address(0))) return errno = ENOMEM, nullptr;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) noexcept {
  if (fails_allocation(__builtin_return_address(0))) return errno = ENOMEM, nullptr;
  return __libc_realloc(memory, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  if (fails_allocation(__builtin_return_address(0))) return errno = ENOMEM, nullptr;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  if (fails_allocation(__builtin_return_address(0))) return ENOMEM;
  *memory = __libc_memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

// Its caller is known here, not in malloc.
void* operator new(std::size_t bytes) {
  if (fails_allocation(__builtin_return_address(0))) throw std::bad_alloc();
  if (void* const memory = __libc_malloc(bytes)) return memory;
  throw std::bad_alloc();
}
