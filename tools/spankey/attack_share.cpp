#include "attack_share.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <utility>

#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {
constexpr double seconds_until_stale = 60;
constexpr std::chrono::milliseconds until_written{50};
}  // namespace

attack_share::attack_share(std::string file, const attack_options& request)
    : file_(std::move(file)), request_(request) {}

attack_share::~attack_share() {
  held_.reset();
  std::error_code code;
  std::filesystem::remove(file_ + ".leases", code);  // where nobody has one
}

std::size_t attack_share::left(const std::vector<int>& numbers) {
  const attack_results found = earlier_results(file_, request_);
  std::size_t count = 0;
  for (std::uint64_t seed = 0; seed < request_.seeds; ++seed)
    for (const int number : numbers) count += found.played(number, seed) == nullptr ? 1 : 0;
  return count;
}

bool attack_share::take_one(const std::vector<int>& numbers) {
  attack_results found = earlier_results(file_, request_);
  for (std::uint64_t seed = 0; seed < request_.seeds; ++seed)
    for (const int number : numbers)
      if (found.played(number, seed) == nullptr && take({number, seed}, found)) return true;
  return false;
}

bool attack_share::takes(int number, std::uint64_t seed, attack_results& so_far) {
  if (held_) return game_ == game_id{number, seed};
  return take({number, seed}, so_far);
}

bool attack_share::take(const game_id& game, attack_results& so_far) {
  auto mine = lease_of("game" + std::to_string(game.number) + "-seed" + std::to_string(game.seed));
  if (!mine) return false;
  so_far.add(earlier_results(file_, request_));  // who gave it back has written before
  if (so_far.played(game.number, game.seed) != nullptr) return false;
  held_.emplace(std::move(*mine));
  game_ = game;
  return true;
}

void attack_share::save(attack_results& so_far) {
  for (bool written = false; !written;) {
    const auto writing = lease_of("results");
    if (!writing) {
      std::this_thread::sleep_for(until_written);
      continue;
    }
    so_far.add(earlier_results(file_, request_));
    spankey::write_file_atomically(file_, attack_text(so_far, request_), spankey::file_mode::shared);
    written = true;
  }
  held_.reset();
}

std::optional<spankey::lease> attack_share::lease_of(const std::string& name) {
  const std::string path = file_ + ".leases/" + name;
  return spankey::lease::take(path, seconds_until_stale, watch_, [path] {
    std::fprintf(stderr,
                 "[spankey.attack.150] %s: another process took this one for dead, which did not renew it in "
                 "time; this one ends\n",
                 spankey::printable(path).c_str());
    ::_exit(2);
  });
}
