// The one GPU of this process: stream, library handles, workspace, graphs; and every status check.
#include <cstdio>
#include <string>
#include <vector>

#include "libraries.cuh"
#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/core/error.hpp"

namespace spankey::cuda {

namespace {

// Lives as long as the process: handles are not closed while static objects of others may still use them.
struct context {
  cudaStream_t stream = nullptr;
  cublasHandle_t blas = nullptr;
  cudnnHandle_t dnn = nullptr;
  std::byte *workspace = nullptr, *blas_workspace = nullptr;
  step_numbers* numbers = nullptr;
  step_values* values = nullptr;
  bool tf32 = false, measured = false, recording = false, reading_values = false;
};

constexpr std::size_t blas_workspace_bytes = std::size_t{32} << 20;

std::byte* allocate(std::size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "cudaMalloc");
  return static_cast<std::byte*>(memory);
}

// Why no GPU can be opened; empty where one can.
std::string absence() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return {};
  std::string why = "expected an NVIDIA GPU and its driver, found ";
  if (status == cudaErrorNoDevice || status == cudaSuccess) {
    why += "none (cudaErrorNoDevice; CUDA_VISIBLE_DEVICES may hide it)";
  } else {
    why += std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
  }
  return why;
}

context opened() {
  const std::string why = absence();
  if (!why.empty()) fail("cuda.101", "backend::cuda", why);
  context c;
  check(cudaSetDevice(0), "cudaSetDevice");
  check(cudaStreamCreateWithFlags(&c.stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  c.workspace = allocate(workspace_bytes);
  c.blas_workspace = allocate(blas_workspace_bytes);
  c.numbers = reinterpret_cast<step_numbers*>(allocate(sizeof(step_numbers)));
  c.values = reinterpret_cast<step_values*>(allocate(sizeof(step_values)));
  SPANKEY_CHECK(cublasCreate(&c.blas));
  SPANKEY_CHECK(cublasSetStream(c.blas, c.stream));
  SPANKEY_CHECK(cublasSetWorkspace(c.blas, c.blas_workspace, blas_workspace_bytes));
  SPANKEY_CHECK(cudnnCreate(&c.dnn));
  SPANKEY_CHECK(cudnnSetStream(c.dnn, c.stream));
  return c;
}

context& here() {
  static context c = opened();
  return c;
}

// What would wait or allocate breaks a recording.
void require_not_recording(const char* call) {
  if (here().recording)
    fail("cuda.103", call, "expected no step to be recorded, found one between begin() and end()");
}

__global__ void store_values_kernel(step_values values, step_values* to) { *to = values; }

}  // namespace

void check(cudaError_t status, const char* call) {
  if (status != cudaSuccess)
    fail("cuda.102", call, cudaGetErrorName(status), ": ", cudaGetErrorString(status));
}
void check(cublasStatus_t status, const char* call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail("cuda.102", std::string_view(call).substr(0, std::string_view(call).find('(')),
         cublasGetStatusString(status));
}
void check(cudnnStatus_t status, const char* call) {
  if (status != CUDNN_STATUS_SUCCESS)
    fail("cuda.102", std::string_view(call).substr(0, std::string_view(call).find('(')),
         cudnnGetErrorString(status));
}

cudaStream_t stream() { return here().stream; }
std::byte* workspace() { return here().workspace; }
cublasHandle_t blas() { return here().blas; }
cudnnHandle_t dnn() { return here().dnn; }
bool tf32() { return here().tf32; }
bool measured() { return here().measured; }
step_numbers* numbers() { return here().numbers; }

bool present() { return absence().empty(); }
void open() { here(); }
void use_tf32(bool allowed) { here().tf32 = allowed; }
void measure_algorithms(bool measured) { here().measured = measured; }

std::string describe_device() {
  open();
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
  int driver = 0, runtime = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  return std::string("gpu: ") + device.name + ", compute capability " + std::to_string(device.major) + "." +
         std::to_string(device.minor) + ", " + std::to_string(device.multiProcessorCount) +
         " multiprocessors, " + std::to_string(device.totalGlobalMem >> 20) +
         " MiB\ncuda: " + version(runtime) + " (driver " + version(driver) + "), cuDNN " +
         std::to_string(cudnnGetVersion()) + "\ntf32: " + (tf32() ? "on" : "off") +
         "\nconvolutions without cuDNN: " + std::to_string(convolutions_without_cudnn()) + "\n";
}

std::byte* reserve(std::size_t bytes) {
  require_not_recording("reserve");
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes > 0 ? bytes : 1);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // it was answered
    return nullptr;
  }
  check(status, "cudaMalloc");
  zero(memory, bytes);
  return static_cast<std::byte*>(memory);
}
void release(std::byte* memory) noexcept {
  if (memory == nullptr) return;
  // At the end of a process the driver may be gone: nothing is left to give back then.
  static_cast<void>(cudaStreamSynchronize(here().stream));
  static_cast<void>(cudaFree(memory));
}
void zero(void* to, std::size_t bytes) {
  if (bytes > 0) check(cudaMemsetAsync(to, 0, bytes, stream()), "cudaMemsetAsync");
}
void copy(const void* from, std::size_t bytes, void* to) {
  if (bytes > 0)
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "cudaMemcpyAsync");
}
void copy_rows(std::size_t rows, std::size_t width, const void* from, std::size_t from_stride, void* to,
               std::size_t to_stride) {
  if (rows > 0 && width > 0)
    check(
        cudaMemcpy2DAsync(to, to_stride, from, from_stride, width, rows, cudaMemcpyDeviceToDevice, stream()),
        "cudaMemcpy2DAsync");
}
void upload(const void* from, std::size_t bytes, void* to) {
  require_not_recording("upload");
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), "cudaMemcpyAsync");
  synchronise();  // a copy from pageable memory may read it later
}
void download(const void* from, std::size_t bytes, void* to) {
  require_not_recording("download");
  if (bytes > 0) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync");
  synchronise();
}
void upload_pinned(const void* from, std::size_t bytes, void* to) {
  if (bytes > 0) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), "cudaMemcpyAsync");
}
void download_pinned(const void* from, std::size_t bytes, void* to) {
  if (bytes > 0) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "cudaMemcpyAsync");
}
std::byte* reserve_pinned(std::size_t bytes) {
  open();
  void* memory = nullptr;
  const cudaError_t status = cudaMallocHost(&memory, bytes > 0 ? bytes : 1);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());
    return nullptr;
  }
  check(status, "cudaMallocHost");
  return static_cast<std::byte*>(memory);
}
void release_pinned(std::byte* memory) noexcept {
  if (memory == nullptr) return;
  static_cast<void>(cudaStreamSynchronize(here().stream));
  static_cast<void>(cudaFreeHost(memory));
}

void synchronise() {
  require_not_recording("synchronise");
  check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
}
void* native_stream() { return stream(); }

event::event() {
  open();
  cudaEvent_t made = nullptr;
  check(cudaEventCreate(&made), "cudaEventCreate");
  handle_ = made;
}
event::~event() { static_cast<void>(cudaEventDestroy(static_cast<cudaEvent_t>(handle_))); }
void event::record() {
  check(cudaEventRecord(static_cast<cudaEvent_t>(handle_), stream()), "cudaEventRecord");
  recorded_ = true;
}
void event::wait() {
  if (recorded_) check(cudaEventSynchronize(static_cast<cudaEvent_t>(handle_)), "cudaEventSynchronize");
}
double event::milliseconds(const event& from, const event& to) {
  float found = 0;
  check(cudaEventElapsedTime(&found, static_cast<cudaEvent_t>(from.handle_),
                             static_cast<cudaEvent_t>(to.handle_)),
        "cudaEventElapsedTime");
  return static_cast<double>(found);
}

recorded_step::~recorded_step() {
  if (executable_ != nullptr)
    static_cast<void>(cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(executable_)));
}
void recorded_step::begin() {
  require_not_recording("recorded_step::begin");
  check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  here().recording = true;
}
void recorded_step::end() {
  here().recording = false;
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream(), &graph), "cudaStreamEndCapture");
  cudaGraphExec_t made = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&made, graph, 0);
  check(cudaGraphDestroy(graph), "cudaGraphDestroy");
  check(status, "cudaGraphInstantiate");
  executable_ = made;
}
void recorded_step::abandon() noexcept {
  here().recording = false;
  cudaGraph_t graph = nullptr;
  if (cudaStreamEndCapture(here().stream, &graph) == cudaSuccess) static_cast<void>(cudaGraphDestroy(graph));
  static_cast<void>(cudaGetLastError());
}
void recorded_step::run() {
  check(cudaGraphLaunch(static_cast<cudaGraphExec_t>(executable_), stream()), "cudaGraphLaunch");
}

void set_step_values(const step_values& values) {
  // As a kernel's argument they are copied at once, and nobody waits.
  launch("store_values", store_values_kernel, 1, 1, values, here().values);
}
reading_step_values::reading_step_values() { here().reading_values = true; }
reading_step_values::~reading_step_values() { here().reading_values = false; }
const step_values* values_in_memory() { return here().reading_values ? here().values : nullptr; }

}  // namespace spankey::cuda
