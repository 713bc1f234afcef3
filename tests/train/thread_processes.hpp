// Processes that are threads of one: what train/ranks.hpp does with MPI, in memory.
#pragma once

#include <condition_variable>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "spankey/train/tree_sum.hpp"

namespace spankey::test {

class thread_processes {
 public:
  explicit thread_processes(index_t size) : size_(size) {}

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
  class process final : public process_group {
   public:
    process(thread_processes& all, index_t rank) : all_(all), rank_(rank) {}
    [[nodiscard]] index_t rank() const override { return rank_; }
    [[nodiscard]] index_t size() const override { return all_.size_; }
    void exchange(index_t peer, std::span<const std::byte> mine, std::span<std::byte> theirs) override {
      all_.put({rank_, peer}, mine);
      all_.get({peer, rank_}, theirs);
    }
    void broadcast(std::span<std::byte> bytes) override {
      if (rank_ != 0) return all_.get({0, rank_}, bytes);
      for (index_t r = 1; r < all_.size_; ++r) all_.put({0, r}, bytes);
    }

   private:
    thread_processes& all_;
    index_t rank_;
  };

  using way = std::pair<index_t, index_t>;
  void put(const way& to, std::span<const std::byte> bytes) {
    const std::scoped_lock lock(mutex_);
    mail_[to].emplace_back(bytes.begin(), bytes.end());
    sent_ += bytes.size();
    changed_.notify_all();
  }
  void get(const way& from, std::span<std::byte> bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !mail_[from].empty(); });
    const std::vector<std::byte> found = std::move(mail_[from].front());
    mail_[from].erase(mail_[from].begin());
    if (found.size() == bytes.size() && !found.empty()) std::memcpy(bytes.data(), found.data(), found.size());
  }

  index_t size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<way, std::vector<std::vector<std::byte>>> mail_;
  std::size_t sent_ = 0;
};

}  // namespace spankey::test
