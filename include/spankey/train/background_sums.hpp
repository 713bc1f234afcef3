// Sums of gradients that are made while the parts of a process work on: bucket by bucket, in the order in which they begin.
//
// Every part begins the same buckets in the same order. When all parts of this process have begun one, it is summed along the
// tree (train/tree_sum.hpp), by a thread of its own where there are other processes that can be reached beside what the parts
// exchange (process_group::beside); else by the part that began it last.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey {

/// Fails with train.152 where vectors to be added differ in length.
template <class T>
void require_equal_sums(std::span<const std::span<T>> all) {
  for (const std::span<T>& one : all)
    if (one.size() != all.back().size())
      fail("train.152", "parts", "found sums of ", one.size(), " and of ", all.back().size(),
           " numbers at a time, expected every part to add up the same");
}
/// The first vector for all of them.
template <class T>
void copy_first(std::span<const std::span<T>> all) {
  for (std::size_t i = 1; i < all.size(); ++i) std::copy(all[0].begin(), all[0].end(), all[i].begin());
}

class background_sums {
 public:
  /// `parts`: of this process.
  background_sums(process_group* processes, gradient_format format, index_t parts)
      : parts_(static_cast<std::size_t>(parts)),
        beside_(processes == nullptr || processes->size() == 1 ? nullptr : processes->beside()),
        sum_(beside_ == nullptr ? processes : beside_, format),
        begun_(parts_, 0) {
    if (beside_ != nullptr) thread_ = std::thread([this] { run(); });
  }
  background_sums(const background_sums&) = delete;
  background_sums& operator=(const background_sums&) = delete;
  ~background_sums() { abandon(); }

  /// The next vector of part `part`, from 0, of this process: it stays, untouched, until finish().
  void begin(index_t part, std::span<float> gradients) {
    const auto own = static_cast<std::size_t>(part);
    std::unique_lock lock(mutex_);
    const std::size_t number = begun_[own]++;
    if (vectors_.size() < (number + 1) * parts_) vectors_.resize((number + 1) * parts_);
    vectors_[number * parts_ + own] = gradients;
    if (std::any_of(begun_.begin(), begun_.end(), [&](std::size_t n) { return n <= number; })) return;
    ready_ = number + 1;
    changed_.notify_all();
    lock.unlock();
    if (beside_ == nullptr) sum(number);
  }
  /// Called by one part when all have begun everything: waits until all of it is summed. Fails with what one of the sums did.
  void finish() {
    std::unique_lock lock(mutex_);
    for (const std::size_t begun : begun_)
      if (begun != ready_)
        fail("train.152", "parts", "found ", begun, " sums of gradients begun by one part and ", ready_,
             " by all, expected every part to add up the same");
    changed_.wait(lock, [&] { return beside_ == nullptr || summed_ == ready_ || failed_ != nullptr; });
#if defined(__cpp_exceptions)
    if (failed_ != nullptr) std::rethrow_exception(std::exchange(failed_, nullptr));
#endif
    std::fill(begun_.begin(), begun_.end(), std::size_t{0});
    ready_ = summed_ = 0;
  }
  /// What is under way is left unfinished; afterwards nobody touches the vectors, and nothing may begin.
  void abandon() {
    const std::scoped_lock ending(ending_);
    if (!thread_.joinable()) return;
    {
      const std::scoped_lock lock(mutex_);
      ends_ = true;
      if (summed_ != ready_) beside_->give_up();
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void run() {
#if defined(__cpp_exceptions)
    try {
      sum_what_begins();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      failed_ = std::current_exception();
      changed_.notify_all();
    }
#else
    sum_what_begins();
#endif
  }
  void sum_what_begins() {
    for (std::unique_lock lock(mutex_);;) {
      changed_.wait(lock, [&] { return ends_ || summed_ < ready_; });
      if (ends_) return;
      const std::size_t number = summed_;
      lock.unlock();
      sum(number);
      lock.lock();
      ++summed_;
      changed_.notify_all();
    }
  }
  void sum(std::size_t number) {
    {
      const std::scoped_lock lock(mutex_);
      const auto first = vectors_.begin() + static_cast<std::ptrdiff_t>(number * parts_);
      own_.assign(first, first + static_cast<std::ptrdiff_t>(parts_));
    }
    const std::span<const std::span<float>> own(own_);
    require_equal_sums(own);
    sum_.add(own);
    copy_first(own);
  }

  std::size_t parts_;
  process_group* beside_;
  tree_sum sum_;
  std::vector<std::span<float>> own_;  // of the sum that is being made

  std::mutex mutex_, ending_;
  std::condition_variable changed_;
  std::vector<std::size_t> begun_;         // by part
  std::vector<std::span<float>> vectors_;  // by number and part
  std::size_t ready_ = 0, summed_ = 0;     // begun by all parts; summed
  bool ends_ = false;
  std::exception_ptr failed_;
  std::thread thread_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
