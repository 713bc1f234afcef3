// The CUDA runtime as far as src/cuda uses it, on a processor: so that the texts of the kernels and of what calls them run
// in the tests of every machine. A build that finds this header before NVIDIA's compiles src/cuda/*.cu as plain C++.
//
//   device memory   pages that nobody may touch except while a kernel or a copy runs: a host that follows a device
//                   pointer faults
//   the stream      work is kept until somebody waits, then done in order: what forgets to wait reads old numbers
//   pinned memory   copies read and write it when they run, not when they are asked for
//   a graph         the work that was kept since the capture began; what waits or allocates in between is refused
//   a kernel        blocks one after another; threads that meet at __syncthreads are fibers, the others plain calls
// Not emulated: what concurrency does within a block (races), speed, and the arithmetic of tensor cores.
#pragma once

#include <cmath>
#include <cstddef>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __shared__ static

struct uint3 {
  unsigned x = 0, y = 0, z = 0;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
};

enum cudaError_t {
  cudaSuccess,
  cudaErrorInvalidValue,
  cudaErrorMemoryAllocation,
  cudaErrorNoDevice,
  cudaErrorStreamCaptureUnsupported,
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };
enum { cudaStreamNonBlocking = 1 };
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal };
struct emulated_event;
struct emulated_graph;
using cudaStream_t = struct emulated_stream*;
using cudaEvent_t = emulated_event*;
using cudaGraph_t = emulated_graph*;
using cudaGraphExec_t = emulated_graph*;
struct cudaDeviceProp {
  char name[256] = "emulated";
  int major = 0, minor = 0, multiProcessorCount = 1;
  std::size_t totalGlobalMem = 0;
};

cudaError_t cudaGetDeviceCount(int*);
cudaError_t cudaSetDevice(int);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp*, int);
cudaError_t cudaDriverGetVersion(int*);
cudaError_t cudaRuntimeGetVersion(int*);
cudaError_t cudaGetLastError();
const char* cudaGetErrorName(cudaError_t);
const char* cudaGetErrorString(cudaError_t);
cudaError_t cudaMalloc(void**, std::size_t);
cudaError_t cudaFree(void*);
cudaError_t cudaMallocHost(void**, std::size_t);
cudaError_t cudaFreeHost(void*);
cudaError_t cudaMemsetAsync(void*, int, std::size_t, cudaStream_t);
cudaError_t cudaMemcpyAsync(void*, const void*, std::size_t, cudaMemcpyKind, cudaStream_t);
cudaError_t cudaMemcpy2DAsync(void*, std::size_t, const void*, std::size_t, std::size_t, std::size_t,
                              cudaMemcpyKind, cudaStream_t);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t*, unsigned);
cudaError_t cudaStreamSynchronize(cudaStream_t);
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode);
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, unsigned long long);
cudaError_t cudaGraphDestroy(cudaGraph_t);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t);
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t);
cudaError_t cudaEventCreate(cudaEvent_t*);
cudaError_t cudaEventDestroy(cudaEvent_t);
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t);
cudaError_t cudaEventSynchronize(cudaEvent_t);
cudaError_t cudaEventElapsedTime(float*, cudaEvent_t, cudaEvent_t);

namespace emulation {
extern uint3 thread_place, block_place;
extern dim3 block_size, grid_size;
void meet();
/// Keeps work until somebody waits, or for the graph that is being captured.
cudaError_t enqueue(std::function<void()> work);
/// Runs body() once for every thread of the grid.
void run_grid(bool together, dim3 grid, dim3 block, const std::function<void()>& body);

template <class... P>
cudaError_t launch(bool together, void (*kernel)(P...), dim3 grid, dim3 block,
                   std::type_identity_t<P>... operands) {
  if (block.x * block.y * block.z > 1024 || block.x * block.y * block.z == 0 || grid.y > 65535 ||
      grid.z > 65535)
    return cudaErrorInvalidValue;
  return enqueue([=] { run_grid(together, grid, block, [&] { kernel(operands...); }); });
}
}  // namespace emulation

#define threadIdx ::emulation::thread_place
#define blockIdx ::emulation::block_place
#define blockDim ::emulation::block_size
#define gridDim ::emulation::grid_size
#define __syncthreads() ::emulation::meet()
