// Something that one process at a time may work on, among processes of several machines that share a folder. It outlives no
// process: who holds it renews it, and where that ends another process takes it over.
//
//   NAME          the first lease: one line, "TOKEN STALE MACHINE PID START"; the token is a random number
//   NAME.TOKEN    its successor: who took the lease with that token over
// A lease appears whole, by link() of a finished file, which succeeds for one process only, over NFS, too; no flock, no order
// of writes. It is held by the last one of the chain that begins at NAME. A successor's name comes once in eternity, so one
// that was slow to take over cannot take away what others hold meanwhile: it looks again whether its chain is still there.
// Every STALE / 4 seconds the holder renews the file's time. It is stale where nobody saw that time change for STALE seconds of
// his own clock (those of two machines are never compared), or at once where its process was one of this machine, has ended
// (process_identity.hpp). A process of this machine that lives is never stale. POSIX.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/process_identity.hpp"

namespace spankey {

/// Makes a file with that text, and its folder, unless there is one of that name: false. Error: io.131 it cannot be made, and
/// nothing is left.
inline bool create_file_once(const std::string& path, const std::string& text) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr int most_attempts = 20;  // others may remove what they take for left over, or an empty folder
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  int code = 0;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    std::random_device random;
    std::string whole = folder + "/.spankey-";
    for (int i = 0; i < 24; ++i) whole += hex[random() % hex.size()];
    whole += ".tmp";
    const bool has_folder = ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST;
    code = has_folder ? 0 : errno;
    const int fd =
        has_folder ? ::open(whole.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    if (has_folder && fd < 0) code = errno;
    for (std::size_t done = 0; code == 0 && done < text.size();) {
      const ssize_t written = ::write(fd, text.data() + done, text.size() - done);
      if (written < 0 && errno != EINTR) code = errno;
      if (written == 0) code = EIO;
      if (written > 0) done += static_cast<std::size_t>(written);
    }
    while (code == 0 && ::fsync(fd) != 0)
      if (errno != EINTR) code = errno;
    if (fd >= 0) ::close(fd);
    bool made = false;
    if (code == 0 && ::link(whole.c_str(), path.c_str()) == 0) made = true;
    if (code == 0 && !made) {
      code = errno;
      // The answer of a server may have been lost on its way: the link is there all the same.
      struct stat found {};
      made = ::stat(whole.c_str(), &found) == 0 && found.st_nlink == 2;
    }
    if (fd >= 0) ::unlink(whole.c_str());
    if (made) return true;
    if (code == EEXIST) return false;
    if (code != ENOENT) break;
  }
  fail("io.131", printable(path), "cannot be made: ", std::generic_category().message(code));
}

/// What a process saw of leases that others hold: when each was last seen to change.
class lease_watch {
 public:
  /// True where the lease is stale whose file has been renewed at `renewed`.
  bool is_stale(const std::string& token, std::int64_t renewed, double after,
                const process_identity& holder) {
    if (has_ended(holder)) return true;
    if (holder.machine != "-" && holder.machine == own_.machine) return false;
    const auto now = clock::now();
    const auto [at, is_new] = seen_.try_emplace(token, renewed, now);
    if (is_new || at->second.first != renewed) {
      at->second = {renewed, now};
      return false;
    }
    return std::chrono::duration<double>(now - at->second.second).count() > after;
  }
  [[nodiscard]] const process_identity& own() const { return own_; }

 private:
  using clock = std::chrono::steady_clock;
  process_identity own_ = own_identity();
  std::map<std::string, std::pair<std::int64_t, clock::time_point>> seen_;
};

class [[nodiscard]] lease {
 public:
  /// The lease `path`, a name in a folder that is there; nothing where another process holds it. `lost` is called, on another
  /// thread, where this process was taken for dead: somebody else is at work now. Errors: io.131, io.132 a file of that name
  /// that is no lease.
  template <class Lost>
  static std::optional<lease> take(const std::string& path, double stale_after, lease_watch& watch,
                                   Lost lost) {
    std::vector<held> chain = chain_of(path);
    if (!chain.empty()) {
      const held& last = chain.back();
      if (!watch.is_stale(last.token, last.renewed, last.stale_after, last.holder)) return std::nullopt;
    }
    held own{.path = chain.empty() ? path : path + "." + chain.back().token,
             .token = new_token(),
             .stale_after = stale_after,
             .holder = watch.own()};
    if (!create_file_once(own.path, text_of(own))) return std::nullopt;
    chain.push_back(own);
    if (!is_same(chain_of(path), chain)) {  // too late: the chain that it belonged to has been given back
      ::unlink(own.path.c_str());
      return std::nullopt;
    }
    return lease(path, std::move(chain), std::move(lost));
  }

  lease(lease&&) noexcept = default;
  lease& operator=(lease&&) = delete;
  /// Gives it back.
  ~lease() {
    if (renewal_ == nullptr) return;
    renewal_->end();
    // Who gives back is his own successor first: nobody can take over what is being removed.
    held tomb = chain_.back();
    tomb.path = path_ + "." + tomb.token, tomb.token = new_token();
    if (!try_create(tomb)) return;
    for (const held& one : chain_) ::unlink(one.path.c_str());
    ::unlink(tomb.path.c_str());
  }

 private:
  struct held {
    std::string path, token;
    double stale_after = 0;
    process_identity holder{};
    std::int64_t renewed = 0;
  };

  // Renews the time of a file until the end, on a thread of its own.
  class renewal {
   public:
    template <class Lost>
    renewal(std::string path, std::string successor, double stale_after, Lost lost)
        : thread_([this, path = std::move(path), successor = std::move(successor), stale_after,
                   lost = std::move(lost)] { run(path, successor, stale_after, lost); }) {}
    ~renewal() { end(); }
    void end() {
      {
        const std::scoped_lock lock(mutex_);
        ended_ = true;
      }
      changed_.notify_all();
      if (thread_.joinable()) thread_.join();
    }

   private:
    template <class Lost>
    void run(const std::string& path, const std::string& successor, double stale_after, const Lost& lost) {
      std::unique_lock lock(mutex_);
      while (
          !changed_.wait_for(lock, std::chrono::duration<double>(stale_after / 4), [&] { return ended_; })) {
        const int other = ::open(successor.c_str(), O_RDONLY | O_CLOEXEC);
        if (other >= 0) {
          ::close(other);
          return lost();
        }
        ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
      }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    std::thread thread_;
  };

  template <class Lost>
  lease(std::string path, std::vector<held> chain, Lost lost)
      : path_(std::move(path)),
        chain_(std::move(chain)),
        renewal_(std::make_unique<renewal>(chain_.back().path, path_ + "." + chain_.back().token,
                                           chain_.back().stale_after, std::move(lost))) {}

  static std::string new_token() {
    std::random_device random;
    std::string token;
    for (int i = 0; i < 4; ++i) token += std::to_string(random() % 1000000) + (i < 3 ? "-" : "");
    return token;
  }
  static std::string text_of(const held& one) {
    std::ostringstream text;
    text << one.token << ' ' << one.stale_after << ' ' << one.holder.machine << ' ' << one.holder.pid << ' '
         << one.holder.start << '\n';
    return text.str();
  }
  // False where somebody has taken over. On a full disk what is held is removed without a successor.
  static bool try_create(const held& one) {
#if defined(__cpp_exceptions)
    try {
      return create_file_once(one.path, text_of(one));
    } catch (const error&) {
      return true;
    }
#else
    return create_file_once(one.path, text_of(one));
#endif
  }
  [[noreturn]] static void fail_as_none(const std::string& path) {
    fail("io.132", printable(path), "expected the lease of a process (file/lease.hpp), found something else");
  }
  // Opened, not looked up by name: NFS then asks its server.
  static std::optional<held> read(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return std::nullopt;
    std::array<char, 512> text{};
    const ssize_t length = ::read(fd, text.data(), text.size());
    const bool is_gone = length < 0 && errno == ESTALE;  // NFS: given back meanwhile
    struct stat found {};
    const bool known = ::fstat(fd, &found) == 0;
    ::close(fd);
    if (is_gone) return std::nullopt;
    held one;
    one.path = path;
    std::istringstream words(std::string(text.data(), static_cast<std::size_t>(length < 0 ? 0 : length)));
    words >> one.token >> one.stale_after >> one.holder.machine >> one.holder.pid >> one.holder.start;
    // It becomes part of a name.
    const bool is_token =
        one.token.size() < 40 && one.token.find_first_not_of("0123456789-") == std::string::npos;
    if (!words || !known || !is_token || !(one.stale_after >= 0)) fail_as_none(path);
    one.renewed = std::int64_t{found.st_mtim.tv_sec} * 1000000000 + found.st_mtim.tv_nsec;
    return one;
  }
  static std::vector<held> chain_of(const std::string& path) {
    std::vector<held> chain;
    for (std::string next = path;; next = path + "." + chain.back().token) {
      std::optional<held> one = read(next);
      if (!one) return chain;
      for (const held& before : chain)
        if (before.token == one->token) fail_as_none(next);
      chain.push_back(std::move(*one));
    }
  }
  static bool is_same(const std::vector<held>& a, const std::vector<held>& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = a[i].token == b[i].token;
    return same;
  }

  std::string path_;
  std::vector<held> chain_;
  std::unique_ptr<renewal> renewal_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
