// The checkpoints of one run in its folder: checkpoint-STEPS.safetensors, STEPS done since the run's begin.
//
//   save   writes the new one whole (atomic_file.hpp), and only then removes what is neither the last, nor the one
//          before it, nor the best one: at every moment a whole one is there
//   load   takes the newest that is whole; of a damaged one it says why, and takes the one before it
// The best is the one after the epoch of the lowest score. A series is for one process (folder_lock.hpp).
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "spankey/checkpoint/training_state.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/file/number_text.hpp"

namespace spankey {

/// Names and numbers of the checkpoints in a folder, newest first. Error: checkpoint.105 a folder that cannot be read.
SPANKEY_INLINE std::vector<std::uint64_t> checkpoints_in(const std::string& folder);

/// The file of one of them.
SPANKEY_INLINE std::string checkpoint_file(const std::string& folder, std::uint64_t steps);

/// What load() found.
struct loaded_checkpoint {
  training_state state;
  std::string file;
  std::vector<std::string> damaged;  // why newer ones were not taken, a line each
};

template <class Calls = posix_calls>
class basic_checkpoint_series {
 public:
  explicit basic_checkpoint_series(std::string folder) : folder_(std::move(folder)) {}

  /// Writes the state of the run; `score` where an epoch ended: its loss. Errors: those of save_training_state, with
  /// all older ones still there; checkpoint.106 an old one that cannot be removed.
  template <class Model>
  void save(Model& model, training_state state, std::optional<double> score = std::nullopt) {
    const std::uint64_t steps = state.at.steps;
    best b = best_;
    // A NaN would be the best for ever: nothing is lower.
    if (score && is_finite(*score) && (!b.steps || *score < b.score)) b = {*score, steps};
    if (b.steps) {
      state.notes["best_score"] = std::string_view(number_text(b.score));
      state.notes["best_steps"] = std::to_string(*b.steps);
    }
    save_training_state<Calls>(model, state, checkpoint_file(folder_, steps));
    best_ = b;
    if (last_ != steps) before_ = std::exchange(last_, steps);
    for (const std::uint64_t old : checkpoints_in(folder_))
      if (old != last_ && old != before_ && old != best_.steps) remove(old);
  }

  /// Loads the newest whole one into `model`; nothing where there is none at all. `accept(state)` may fail with an error
  /// of its own, as one that is damaged. Errors: checkpoint.107 none can be used; those of files that cannot be read now,
  /// but may be whole.
  template <class Model, class Accept>
  std::optional<loaded_checkpoint> load(Model& model, const Accept& accept,
                                        stored_numbers allowed = stored_numbers::finite) {
    const std::vector<std::uint64_t> all = checkpoints_in(folder_);
    loaded_checkpoint found;
    for (auto steps = all.begin(); steps != all.end(); ++steps) {
      found.file = checkpoint_file(folder_, *steps);
      const auto use = [&] {
        const safetensors_file file = safetensors_file::open(found.file);
        found.state = training_state_of(file);
        if (found.state.at.steps != *steps)
          fail("checkpoint.101", file.name(), "expected the state after ", *steps,
               " steps, found that after ", found.state.at.steps);
        const best b = best_of(found.state, file.name());
        accept(found.state);
        load_training_tensors(model, file, allowed);
        best_ = b;
      };
#if defined(__cpp_exceptions)
      try {
        use();
      } catch (const error& problem) {
        if (!is_damage(problem.id())) throw;
        found.damaged.emplace_back(problem.what());
        continue;
      }
#else
      use();
#endif
      last_ = *steps;
      before_ = std::next(steps) != all.end() ? std::optional(*std::next(steps)) : std::nullopt;
      return found;
    }
    if (!all.empty())
      fail("checkpoint.107", printable(folder_), "none of its ", all.size(),
           " checkpoints can be used; the newest: ", found.damaged.front());
    return std::nullopt;
  }

  /// Removes all of them: the run is whole.
  void clear() {
    for (const std::uint64_t steps : checkpoints_in(folder_)) remove(steps);
    last_ = before_ = std::nullopt;
    best_ = {};
  }

  /// Steps of the best one so far.
  [[nodiscard]] std::optional<std::uint64_t> best_steps() const { return best_.steps; }

 private:
  struct best {
    double score = 0;
    std::optional<std::uint64_t> steps;
  };

  // What the file's content is to blame for, in contrast to what may be over when the program starts again.
  static bool is_damage(std::string_view id) {
    for (const std::string_view area : {"safetensors.", "checksum.", "checkpoint.", "weights.", "log."})
      if (id.starts_with(area)) return true;
    return id == "io.102" || id == "io.103" || id == "io.104" || id == "io.105";
  }

  static best best_of(const training_state& state, const std::string& where) {
    best b;
    const auto score = state.notes.find("best_score"), steps = state.notes.find("best_steps");
    if (score == state.notes.end() || steps == state.notes.end()) return b;
    const auto read = [&](const std::string& text, auto& value) {
      if (!read_number(text, value))
        fail("checkpoint.101", where, "expected a number of the best checkpoint, found ", in_quotes(text));
    };
    read(score->second, b.score);
    read(steps->second, b.steps.emplace());
    return b;
  }

  void remove(std::uint64_t steps) const {
    const std::string file = checkpoint_file(folder_, steps);
    if (Calls::unlink(file.c_str()) != 0 && errno != ENOENT)
      fail("checkpoint.106", printable(file), "cannot be removed: ", std::generic_category().message(errno));
  }

  std::string folder_;
  std::optional<std::uint64_t> last_, before_;
  best best_;
};

using checkpoint_series = basic_checkpoint_series<>;

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/checkpoint/checkpoint_series.inl"
#endif
