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
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>
#include <thread>

#include "spankey/core/error.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey {

class mpi_processes final : public process_group {
 public:
  /// Starts MPI: once in a process. Errors: train.153 an MPI that cannot be called from several threads in turn.
  mpi_processes() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (provided < MPI_THREAD_SERIALIZED)
      fail("train.153", "MPI", "found an MPI for one thread, expected one that several may call in turn");
    if (provided == MPI_THREAD_MULTIPLE && size_ > 1) {
      MPI_Comm_dup(MPI_COMM_WORLD, &second_);  // errors are returned there, too
      beside_.emplace(*this);
    }
  }
  /// Of an orderly end: waits for all.
  ~mpi_processes() override {
    if (second_ != MPI_COMM_NULL) MPI_Comm_free(&second_);
    MPI_Finalize();
  }
  mpi_processes(const mpi_processes&) = delete;
  mpi_processes& operator=(const mpi_processes&) = delete;

  /// Ends all processes, this one with that status.
  [[noreturn]] static void end_all(int status) {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::abort();
  }

  [[nodiscard]] index_t rank() const override { return rank_; }
  [[nodiscard]] index_t size() const override { return size_; }
  /// Null with an MPI that one thread at a time may call.
  [[nodiscard]] process_group* beside() override { return beside_ ? &*beside_ : nullptr; }

  /// Error: train.154.
  void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) override {
    exchange_pieces(MPI_COMM_WORLD, peer, mine, theirs, [&](MPI_Request* requests) {
      require(MPI_Waitall(2, requests, MPI_STATUSES_IGNORE), "exchange with");
    });
  }
  /// Error: train.154.
  void broadcast(std::span<std::byte> bytes) override { broadcast_pieces(MPI_COMM_WORLD, bytes); }

 private:
  // The second way: another communicator. Who waits there sleeps, for MPI's own waiting would take the core of those who
  // compute. Errors: train.154, train.155 given up.
  class way_beside final : public process_group {
   public:
    explicit way_beside(mpi_processes& all) : all_(all) {}
    [[nodiscard]] index_t rank() const override { return all_.rank_; }
    [[nodiscard]] index_t size() const override { return all_.size_; }
    void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) override {
      all_.exchange_pieces(all_.second_, peer, mine, theirs, [&](MPI_Request* requests) { wait(requests); });
    }
    void broadcast(std::span<std::byte> bytes) override { all_.broadcast_pieces(all_.second_, bytes); }
    void give_up() override { given_up_ = true; }

   private:
    static constexpr std::chrono::microseconds shortest{20}, longest{320};

    void wait(MPI_Request* requests) {
      for (auto pause = shortest;; pause = std::min(2 * pause, longest)) {
        int done = 0;
        all_.require(MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE), "exchange with");
        if (done != 0) return;
        if (given_up_) {
          for (int i = 0; i < 2; ++i)
            if (requests[i] != MPI_REQUEST_NULL) MPI_Cancel(&requests[i]), MPI_Request_free(&requests[i]);
          fail("train.155", "MPI", "process ", all_.rank_, " gave up what it exchanged with others");
        }
        std::this_thread::sleep_for(pause);
      }
    }
    mpi_processes& all_;
    std::atomic<bool> given_up_ = false;
  };

  static constexpr std::size_t most = std::size_t{1} << 30;  // MPI counts in int

  template <class T>
  static std::span<T> piece(std::span<T> bytes, std::size_t at) {
    const std::size_t from = std::min(at, bytes.size());
    return bytes.subspan(from, std::min(most, bytes.size() - from));
  }
  template <class Wait>
  void exchange_pieces(MPI_Comm way, index_t peer, std::span<const std::byte> mine,
                       std::span<std::byte> theirs, const Wait& wait) const {
    MPI_Request requests[2];
    for (std::size_t at = 0; at < std::max<std::size_t>({mine.size(), theirs.size(), 1}); at += most) {
      const std::span<const std::byte> out = piece(mine, at);
      const std::span<std::byte> in = piece(theirs, at);
      require(MPI_Irecv(in.data(), static_cast<int>(in.size()), MPI_BYTE, static_cast<int>(peer), 0, way,
                        &requests[0]),
              "receive from");
      require(MPI_Isend(out.data(), static_cast<int>(out.size()), MPI_BYTE, static_cast<int>(peer), 0, way,
                        &requests[1]),
              "send to");
      wait(static_cast<MPI_Request*>(requests));
    }
  }
  void broadcast_pieces(MPI_Comm way, std::span<std::byte> bytes) const {
    for (std::size_t at = 0; at < bytes.size(); at += most) {
      const std::span<std::byte> now = piece(bytes, at);
      require(MPI_Bcast(now.data(), static_cast<int>(now.size()), MPI_BYTE, 0, way),
              "get or give the state of");
    }
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
  MPI_Comm second_ = MPI_COMM_NULL;
  std::optional<way_beside> beside_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
