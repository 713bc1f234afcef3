// Processes that train together through MPI. The only place that includes mpi.h; in no umbrella header.
//
//   mpi_processes processes;
//   part_team team({.parts = processes.size()}, &processes);
// MPI carries bytes from one process to another and nothing else: how sums are made is train/tree_sum.hpp. MPI's own
// reductions promise no order of their sums that is the same for any number of processes.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey {

class mpi_processes final : public process_group {
 public:
  /// Starts MPI: once in a process. Errors: train.153 an MPI that cannot be called from several threads in turn.
  mpi_processes() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (provided < MPI_THREAD_SERIALIZED)
      fail("train.153", "MPI", "found an MPI for one thread, expected one that several may call in turn");
  }
  /// Of an orderly end: waits for all.
  ~mpi_processes() override { MPI_Finalize(); }
  mpi_processes(const mpi_processes&) = delete;
  mpi_processes& operator=(const mpi_processes&) = delete;

  /// Ends all processes, this one with that status.
  [[noreturn]] static void end_all(int status) {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::abort();
  }

  [[nodiscard]] index_t rank() const override { return rank_; }
  [[nodiscard]] index_t size() const override { return size_; }

  /// Error: train.154.
  void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) override {
    MPI_Request requests[2];
    for (std::size_t at = 0; at < std::max<std::size_t>({mine.size(), theirs.size(), 1}); at += most) {
      const std::span<const std::byte> out = piece(mine, at);
      const std::span<std::byte> in = piece(theirs, at);
      require(MPI_Irecv(in.data(), static_cast<int>(in.size()), MPI_BYTE, static_cast<int>(peer), 0,
                        MPI_COMM_WORLD, &requests[0]),
              "receive from");
      require(MPI_Isend(out.data(), static_cast<int>(out.size()), MPI_BYTE, static_cast<int>(peer), 0,
                        MPI_COMM_WORLD, &requests[1]),
              "send to");
      require(MPI_Waitall(2, requests, MPI_STATUSES_IGNORE), "exchange with");
    }
  }
  /// Error: train.154.
  void broadcast(std::span<std::byte> bytes) override {
    for (std::size_t at = 0; at < bytes.size(); at += most) {
      const std::span<std::byte> now = piece(bytes, at);
      require(MPI_Bcast(now.data(), static_cast<int>(now.size()), MPI_BYTE, 0, MPI_COMM_WORLD),
              "get or give the state of");
    }
  }

 private:
  static constexpr std::size_t most = std::size_t{1} << 30;  // MPI counts in int

  template <class T>
  static std::span<T> piece(std::span<T> bytes, std::size_t at) {
    const std::size_t from = std::min(at, bytes.size());
    return bytes.subspan(from, std::min(most, bytes.size() - from));
  }
  void require(int code, std::string_view what) const {
    if (code == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = {};
    int length = 0;
    MPI_Error_string(code, text, &length);
    fail("train.154", "MPI", "process ", rank_, " cannot ", what,
         " another one: ", std::string_view(text, static_cast<std::size_t>(length)));
  }

  int rank_ = 0, size_ = 1;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
