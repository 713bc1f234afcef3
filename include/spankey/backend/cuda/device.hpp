// The GPU that this process computes on: its memory, its one stream, and steps that are recorded once and repeated.
//
// Functions of the compiled part (src/cuda/device.cu), declared without a CUDA header, so that any C++20 compiler reads
// them. The first call that needs the GPU opens device 0 of those that CUDA shows (CUDA_VISIBLE_DEVICES chooses): one
// process, one GPU, one stream. Work is ordered by that stream: every function returns before its work is done, unless it
// says that it waits. Errors: cuda.101 no GPU, cuda.102 a call that failed, by its name, cuda.103 not while recording.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "spankey/core/dialect.hpp"

namespace spankey::cuda {

/// True where a GPU can be opened; the reason otherwise is what open() fails with.
bool present();
/// Opens the GPU, or fails with cuda.101 in one line.
void open();

/// Name, compute capability, memory and the versions of CUDA, cuBLAS and cuDNN, one "name: value" line each.
std::string describe_device();

/// Lets float products round their operands to TF32 on tensor cores. Off unless called: then float is float.
void use_tf32(bool allowed);

/// Lets cuDNN time its deterministic convolution algorithms for every new shape, in place of asking its heuristics. Off
/// unless called: what is fastest may differ from run to run, and the last bits of a sum with it.
void measure_algorithms(bool measured);

/// `bytes` bytes of device memory set to 0; null where there are not as many.
std::byte* reserve(std::size_t bytes);
/// Gives memory back; waits for the work that uses it.
void release(std::byte* memory) noexcept;
void zero(void* to, std::size_t bytes);
/// Inside device memory.
void copy(const void* from, std::size_t bytes, void* to);
void copy_rows(std::size_t rows, std::size_t width, const void* from, std::size_t from_stride, void* to,
               std::size_t to_stride);
/// To and from ordinary memory. upload has read `from` when it returns; download waits.
void upload(const void* from, std::size_t bytes, void* to);
void download(const void* from, std::size_t bytes, void* to);
/// To and from pinned memory, without waiting: the host's side must live, unchanged, until the work is done.
void upload_pinned(const void* from, std::size_t bytes, void* to);
void download_pinned(const void* from, std::size_t bytes, void* to);
/// Host memory that the GPU reaches by itself; null where there is not as much.
std::byte* reserve_pinned(std::size_t bytes);
void release_pinned(std::byte* memory) noexcept;

/// Waits for everything.
void synchronise();
/// The stream, a cudaStream_t: for work of others in between (NCCL).
void* native_stream();

/// A point in the stream that the host can wait for.
class event {
 public:
  event();
  ~event();
  event(const event&) = delete;
  event& operator=(const event&) = delete;
  void record();
  /// Waits for the work before the last record(); at once where there was none.
  void wait();
  /// Milliseconds of device time between two recorded events, both waited for.
  static double milliseconds(const event& from, const event& to);

 private:
  void* handle_ = nullptr;
  bool recorded_ = false;
};

/// What differs between two repetitions of one recorded step. Kernels read it in device memory while `now()` says where.
struct step_values {
  double learning_rate = 0, deny_weight = 0;
  double adam_step_size = 0, adam_root_correction = 1;
  std::uint64_t random_step = 0;
  std::int32_t first_step = 0;
};

/// Work that is recorded once and repeated with other step_values.
class recorded_step {
 public:
  recorded_step() = default;
  ~recorded_step();
  recorded_step(const recorded_step&) = delete;
  recorded_step& operator=(const recorded_step&) = delete;

  [[nodiscard]] bool ready() const { return executable_ != nullptr; }
  /// Between the two, work is recorded instead of done. What allocates or waits fails with cuda.103.
  void begin();
  void end();
  /// Forgets a recording that was begun and cannot be ended.
  void abandon() noexcept;
  void run();

 private:
  void* executable_ = nullptr;
};

/// Sets the values that kernels read from now on, in the stream's order; `values` may change at once.
void set_step_values(const step_values& values);
/// While it lives, kernels read their step_values in device memory; else they get them as arguments.
class reading_step_values {
 public:
  reading_step_values();
  ~reading_step_values();
  reading_step_values(const reading_step_values&) = delete;
  reading_step_values& operator=(const reading_step_values&) = delete;
};
/// Where they lie, or null.
const step_values* values_in_memory();

}  // namespace spankey::cuda
