// What several processes that attack the same run share out: its games. Each takes one that was not played and that nobody is
// at work on; what it finds goes into the one results file, which has the games of all of them.
//
//   OUT.leases/game7-seed0   who plays a game (file/lease.hpp)
//   OUT.leases/results       who writes OUT
// One process alone does the same. Processes of other machines may share, and one that died is followed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attack.hpp"
#include "spankey/file/lease.hpp"

class attack_share {
 public:
  /// `file`: the results.
  attack_share(std::string file, const attack_options& request);
  attack_share(const attack_share&) = delete;
  attack_share& operator=(const attack_share&) = delete;
  ~attack_share();

  /// Games of `numbers` that nobody has played. Fails as earlier_results does.
  std::size_t left(const std::vector<int>& numbers);
  /// Takes the first of them that nobody is at work on, which takes() is then asked for. False where there is none.
  bool take_one(const std::vector<int>& numbers);
  /// As attack_progress says; `so_far` gets what others have found.
  bool takes(int number, std::uint64_t seed, attack_results& so_far);
  /// Writes what there is, with what others have found, which `so_far` gets. Waits for others who write.
  void save(attack_results& so_far);

 private:
  struct game_id {
    int number = 0;
    std::uint64_t seed = 0;
    bool operator==(const game_id&) const = default;
  };
  // Fails with attack.150, ending the process, where another one took it for dead.
  std::optional<spankey::lease> lease_of(const std::string& name);
  bool take(const game_id& game, attack_results& so_far);

  std::string file_;
  attack_options request_;
  spankey::lease_watch watch_;
  std::optional<spankey::lease> held_;  // of the game that is played, or is to be
  game_id game_;
};
