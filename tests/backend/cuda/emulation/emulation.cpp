// What cuda_runtime.h declares; see there.
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

#include "cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

struct emulated_event {
  std::size_t after = 0;  // pieces of work before it
};
struct emulated_graph {
  std::vector<std::function<void()>> work;
};

namespace emulation {

uint3 thread_place, block_place;
dim3 block_size, grid_size;

namespace {

[[noreturn]] void stop(const char* why) {
  std::fprintf(stderr, "emulation: %s\n", why);
  std::abort();
}

// ---- fibers

constexpr std::size_t stack_bytes = 64 << 10;

struct fiber {
  ucontext_t context;
  std::vector<char> stack;
  bool done = true;
};
std::vector<fiber> fibers;
ucontext_t scheduler;
fiber* current = nullptr;
const std::function<void()>* body_of_kernel = nullptr;
bool may_meet = false;

// AddressSanitizer wants to know whose stack is in use.
#if defined(__SANITIZE_ADDRESS__)
const void* scheduler_stack = nullptr;
std::size_t scheduler_stack_size = 0;
void leave(void** kept, const void* stack, std::size_t bytes) {
  __sanitizer_start_switch_fiber(kept, stack, bytes);
}
void arrive(void* kept, bool from_scheduler) {
  __sanitizer_finish_switch_fiber(kept, from_scheduler ? &scheduler_stack : nullptr,
                                  from_scheduler ? &scheduler_stack_size : nullptr);
}
#else
const void* const scheduler_stack = nullptr;
const std::size_t scheduler_stack_size = 0;
void leave(void**, const void*, std::size_t) {}
void arrive(void*, bool) {}
#endif

void to_scheduler(bool last) {
  fiber* const from = current;
  void* kept = nullptr;
  leave(last ? nullptr : &kept, scheduler_stack, scheduler_stack_size);
  swapcontext(&from->context, &scheduler);
  arrive(kept, true);
}
void run_fiber() {
  arrive(nullptr, true);
  (*body_of_kernel)();
  current->done = true;
  to_scheduler(true);
}
void resume(fiber& f) {
  current = &f;
  void* kept = nullptr;
  leave(&kept, f.stack.data(), f.stack.size());
  swapcontext(&scheduler, &f.context);
  arrive(kept, false);
}

uint3 thread_number(unsigned i) {
  return {i % block_size.x, i / block_size.x % block_size.y, i / (block_size.x * block_size.y)};
}

void run_block_together(unsigned threads) {
  if (fibers.size() < threads) fibers.resize(threads);
  for (unsigned i = 0; i < threads; ++i) {
    fiber& f = fibers[i];
    f.stack.resize(stack_bytes);
    f.done = false;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.data();
    f.context.uc_stack.ss_size = f.stack.size();
    f.context.uc_link = nullptr;
    makecontext(&f.context, run_fiber, 0);
  }
  for (bool running = true; running;) {
    unsigned ended = 0;
    for (unsigned i = 0; i < threads; ++i) {
      if (!fibers[i].done) {
        thread_place = thread_number(i);
        resume(fibers[i]);
      }
      ended += fibers[i].done ? 1 : 0;
    }
    running = ended < threads;
  }
}

// ---- memory

std::map<std::byte*, std::size_t> on_device, pinned;

bool is_pinned(const void* p) {
  const auto* const at = static_cast<const std::byte*>(p);
  auto it = pinned.upper_bound(const_cast<std::byte*>(at));
  return it != pinned.begin() && (--it, at < it->first + it->second);
}
std::size_t whole_pages(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }
void open_memory(bool open) {
  for (const auto& [memory, bytes] : on_device)
    mprotect(memory, whole_pages(bytes), open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

// ---- the stream

std::deque<std::function<void()>> waiting;
std::size_t enqueued = 0, finished = 0;
emulated_graph* captured = nullptr;

void finish(std::size_t until) {
  if (finished >= until) return;
  open_memory(true);
  while (finished < until) {
    waiting.front()();
    waiting.pop_front();
    ++finished;
  }
  open_memory(false);
}

}  // namespace

void meet() {
  if (!may_meet) stop("__syncthreads in a kernel that was launched with threads::apart");
  const uint3 own = thread_place;
  to_scheduler(false);
  thread_place = own;
}

cudaError_t enqueue(std::function<void()> work) {
  if (captured != nullptr) {
    captured->work.push_back(std::move(work));
  } else {
    waiting.push_back(std::move(work));
    ++enqueued;
  }
  return cudaSuccess;
}

void run_grid(bool together, dim3 grid, dim3 of_block, const std::function<void()>& body) {
  grid_size = grid;
  block_size = of_block;
  body_of_kernel = &body;
  may_meet = together;
  const unsigned threads = of_block.x * of_block.y * of_block.z;
  for (block_place.z = 0; block_place.z < grid.z; ++block_place.z)
    for (block_place.y = 0; block_place.y < grid.y; ++block_place.y)
      for (block_place.x = 0; block_place.x < grid.x; ++block_place.x) {
        if (together) {
          run_block_together(threads);
          continue;
        }
        for (unsigned i = 0; i < threads; ++i) {
          thread_place = thread_number(i);
          body();
        }
      }
}

}  // namespace emulation

using namespace emulation;

cudaError_t cudaGetDeviceCount(int* count) {
  const bool none = std::getenv("SPANKEY_EMULATE_NO_DEVICE") != nullptr;
  *count = none ? 0 : 1;
  return none ? cudaErrorNoDevice : cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp*, int) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = 0, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 0, cudaSuccess; }
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorName(cudaError_t e) {
  switch (e) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
  }
  return "unknown";
}
const char* cudaGetErrorString(cudaError_t) { return "emulated"; }

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  if (captured != nullptr) return cudaErrorStreamCaptureUnsupported;
  if (bytes > std::size_t{1} << 36) return cudaErrorMemoryAllocation;
  void* const found =
      mmap(nullptr, whole_pages(bytes), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) return cudaErrorMemoryAllocation;
  on_device[static_cast<std::byte*>(found)] = bytes;
  *memory = found;
  return cudaSuccess;
}
cudaError_t cudaFree(void* memory) {
  finish(enqueued);
  const auto it = on_device.find(static_cast<std::byte*>(memory));
  if (it == on_device.end()) return cudaErrorInvalidValue;
  munmap(memory, whole_pages(it->second));
  on_device.erase(it);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  *memory = std::malloc(bytes);
  pinned[static_cast<std::byte*>(*memory)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
  pinned.erase(static_cast<std::byte*>(memory));
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t) {
  return enqueue([=] { std::memset(to, value, bytes); });
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t) {
  const void* const host = kind == cudaMemcpyHostToDevice   ? from
                           : kind == cudaMemcpyDeviceToHost ? to
                                                            : nullptr;
  if (captured != nullptr && host != nullptr && !is_pinned(host)) return cudaErrorStreamCaptureUnsupported;
  return enqueue([=] { std::memcpy(to, from, bytes); });
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_stride, const void* from, std::size_t from_stride,
                              std::size_t width, std::size_t rows, cudaMemcpyKind, cudaStream_t) {
  return enqueue([=] {
    for (std::size_t row = 0; row < rows; ++row)
      std::memcpy(static_cast<std::byte*>(to) + row * to_stride,
                  static_cast<const std::byte*>(from) + row * from_stride, width);
  });
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return *stream = nullptr, cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
  if (captured != nullptr) return cudaErrorStreamCaptureUnsupported;
  finish(enqueued);
  return cudaSuccess;
}
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) {
  captured = new emulated_graph;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t* graph) {
  *graph = captured;
  captured = nullptr;
  return *graph != nullptr ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  *made = new emulated_graph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t) {
  return enqueue([work = graph->work] {
    for (const auto& piece : work) piece();
  });
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return *event = new emulated_event, cudaSuccess; }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) { return event->after = enqueued, cudaSuccess; }
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (captured != nullptr) return cudaErrorStreamCaptureUnsupported;
  finish(event->after);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  return *milliseconds = 0, cudaSuccess;
}
