// Processes that are threads of one: what train/ranks.hpp does with MPI, in memory.
#pragma once

#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/train/tree_sum.hpp"

namespace spankey::test {

class thread_processes {
 public:
  /// `can_be_beside`: there are two ways to each.
  explicit thread_processes(index_t size, bool can_be_beside = true)
      : size_(size), can_be_beside_(can_be_beside) {}

  /// f(process_group&) for every process, each in a thread.
  template <class F>
  void run(const F& f) {
    std::vector<std::thread> threads;
    for (index_t r = 0; r < size_; ++r)
      threads.emplace_back([&, r] {
        process own(*this, r);
        f(static_cast<process_group&>(own));
      });
    for (std::thread& thread : threads) thread.join();
  }
  /// Bytes that all of them sent to partners.
  [[nodiscard]] std::size_t sent() const { return sent_; }

 private:
  using way_key = std::tuple<bool, index_t, index_t>;  // beside, from, to

  class process final : public process_group {
   public:
    process(thread_processes& all, index_t rank, bool is_beside = false)
        : all_(all), rank_(rank), is_beside_(is_beside) {
      if (!is_beside) second_ = std::make_unique<process>(all, rank, true);
    }
    [[nodiscard]] index_t rank() const override { return rank_; }
    [[nodiscard]] index_t size() const override { return all_.size_; }
    void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) override {
      all_.put(way(rank_, peer), mine);
      all_.get(way(peer, rank_), theirs, given_up_);
    }
    void broadcast(std::span<std::byte> bytes) override {
      if (rank_ != 0) return all_.get(way(0, rank_), bytes, given_up_);
      for (index_t r = 1; r < all_.size_; ++r) all_.put(way(0, r), bytes);
    }
    [[nodiscard]] process_group* beside() override { return all_.can_be_beside_ ? second_.get() : nullptr; }
    void give_up() override {
      {
        const std::scoped_lock lock(all_.mutex_);
        given_up_ = true;
      }
      all_.changed_.notify_all();
    }

   private:
    [[nodiscard]] way_key way(index_t from, index_t to) const { return {is_beside_, from, to}; }

    thread_processes& all_;
    index_t rank_;
    bool is_beside_, given_up_ = false;
    std::unique_ptr<process> second_;
  };

  void put(const way_key& to, std::span<const std::byte> bytes) {
    const std::scoped_lock lock(mutex_);
    mail_[to].emplace_back(bytes.begin(), bytes.end());
    sent_ += bytes.size();
    changed_.notify_all();
  }
  void get(const way_key& from, std::span<std::byte> bytes, const bool& given_up) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return given_up || !mail_[from].empty(); });
    if (given_up) fail("train.155", "threads", "gave up");
    const std::vector<std::byte> found = std::move(mail_[from].front());
    mail_[from].erase(mail_[from].begin());
    if (found.size() == bytes.size() && !found.empty()) std::memcpy(bytes.data(), found.data(), found.size());
  }

  index_t size_;
  bool can_be_beside_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<way_key, std::vector<std::vector<std::byte>>> mail_;
  std::size_t sent_ = 0;
};

}  // namespace spankey::test
