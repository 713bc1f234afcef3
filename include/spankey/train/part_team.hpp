// The parts of a batch that one process trains, each in a thread of its own, one of them at a time.
//
//   part_team team({.parts = 4}, processes);
//   team.run([&](batch_part& part) { ... trainer with options.part = &part ... });
// A part works until it adds up something, then the next one does, in turn; the last one adds (train/tree_sum.hpp), with those
// of other processes where there are any. Gradients alone are added while the parts work (train/background_sums.hpp). So a
// loop has all threads that the process may use, memory is one thread's at a time, and nothing depends on how threads are
// scheduled. With one part a process nobody else computes.
// Every part must ask for the same sums in the same order: their observers have to agree on when a run ends.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/train/background_sums.hpp"
#include "spankey/train/batch_part.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey {

struct part_team_options {
  index_t parts = 1;  // of all processes together
  gradient_format format = gradient_format::fp32;
};

class part_team {
 public:
  /// Errors: train.151 numbers of parts and processes that are no powers of two, or fewer parts than processes.
  explicit part_team(const part_team_options& options, process_group* processes = nullptr)
      : parts_(options.parts),
        format_(options.format),
        processes_(processes),
        sum_(processes, options.format) {
    const index_t size = processes == nullptr ? 1 : processes->size();
    if (!is_power_of_two(parts_) || !is_power_of_two(size) || parts_ < size)
      fail("train.151", "parts", "found ", parts_, " parts of a batch for ", size,
           " processes, expected powers of two, and a part for every process");
    own_ = parts_ / size;
    first_ = own_ * (processes == nullptr ? 0 : processes->rank());
    const auto count = static_cast<std::size_t>(own_);
    numbers_.resize(count), bytes_.resize(count);
    ended_.resize(count, false);
  }
  part_team(const part_team&) = delete;
  part_team& operator=(const part_team&) = delete;

  /// Parts of this process, and the first one's number.
  [[nodiscard]] index_t own() const { return own_; }
  [[nodiscard]] index_t first() const { return first_; }

  /// Calls f(batch_part&) for every part of this process; the first one's call is on this thread. Fails with what the first
  /// part that failed did.
  template <class F>
  void run(F&& f) {
    turn_ = 0, failed_ = nullptr, stopped_ = false;
    std::fill(ended_.begin(), ended_.end(), false);
    gradients_.emplace(processes_, format_, own_);
    std::vector<std::thread> threads;
    for (index_t i = 1; i < own_; ++i) threads.emplace_back([&, i] { run_part(i, f); });
    run_part(0, f);
    for (std::thread& thread : threads) thread.join();
    gradients_.reset();
#if defined(__cpp_exceptions)
    if (failed_ != nullptr) std::rethrow_exception(std::exchange(failed_, nullptr));
#endif
  }

 private:
  struct stopped {};  // thrown in a part where another one has failed

  class member final : public batch_part {
   public:
    member(part_team& team, index_t own) : team_(team), own_(own) {}
    [[nodiscard]] index_t parts() const override { return team_.parts_; }
    [[nodiscard]] index_t number() const override { return team_.first_ + own_; }
    void add(std::span<double> numbers) override { team_.add(own_, numbers); }
    void begin_add(std::span<float> gradients) override { team_.gradients_->begin(own_, gradients); }
    void finish_adds() override {
      team_.together(own_, [&] { team_.gradients_->finish(); });
    }
    void abandon_adds() override { team_.gradients_->abandon(); }
    void broadcast(std::span<std::byte> bytes) override {
      team_.bytes_[static_cast<std::size_t>(own_)] = bytes;
      team_.together(own_, [&] {
        if (team_.processes_ != nullptr) team_.processes_->broadcast(team_.bytes_.front());
        copy_first<std::byte>(team_.bytes_);
      });
    }

   private:
    part_team& team_;
    index_t own_;
  };

  static constexpr bool is_power_of_two(index_t n) { return n > 0 && (n & (n - 1)) == 0; }

  void add(index_t own, std::span<double> numbers) {
    numbers_[static_cast<std::size_t>(own)] = numbers;
    together(own, [&] {
      require_equal_sums<double>(numbers_);
      sum_.add(std::span<const std::span<double>>(numbers_));
      copy_first<double>(numbers_);
    });
  }

  // Ends this part's turn; the last part does `work` first. Comes back at its next turn.
  template <class Work>
  void together(index_t own, const Work& work) {
    if (own == own_ - 1) work();
    if (own_ == 1) return;
    std::unique_lock lock(mutex_);
    const index_t next = (own + 1) % own_;
    if (ended_[static_cast<std::size_t>(next)])
      fail("train.152", "parts", "found part ", first_ + next, " at its end, and part ", first_ + own,
           " adding up, expected them to end together");
    turn_ = next;
    changed_.notify_all();
    wait_for_turn(lock, own);
  }
  void wait_for_turn(std::unique_lock<std::mutex>& lock, index_t own) {
    changed_.wait(lock, [&] { return turn_ == own || stopped_; });
#if defined(__cpp_exceptions)
    if (stopped_) throw stopped{};
#endif
  }

  template <class F>
  void run_part(index_t own, F& f) {
    member part(*this, own);
    const auto work = [&] {
      {
        std::unique_lock lock(mutex_);
        wait_for_turn(lock, own);
      }
      f(static_cast<batch_part&>(part));
    };
#if defined(__cpp_exceptions)
    try {
      work();
    } catch (const stopped&) {
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      if (!stopped_) failed_ = std::current_exception();
      stopped_ = true;
    }
#else
    work();
#endif
    const std::scoped_lock lock(mutex_);
    ended_[static_cast<std::size_t>(own)] = true;
    if (turn_ == own) turn_ = own + 1;
    changed_.notify_all();
  }

  index_t parts_, own_ = 1, first_ = 0;
  gradient_format format_;
  process_group* processes_;
  tree_sum sum_;
  std::optional<background_sums> gradients_;  // of a run that is under way
  std::vector<std::span<double>> numbers_;
  std::vector<std::span<std::byte>> bytes_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> ended_;
  index_t turn_ = 0;
  bool stopped_ = false;
  std::exception_ptr failed_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
