// A file of somebody's project: macros with common names, and every warning that projects turn into errors. What it uses
// of the library is only compiled (CMakeLists.txt), never run.
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define abs(x) ((x) > 0 ? (x) : -(x))
#define round(x) ((x) >= 0 ? (long)((x) + 0.5) : (long)((x)-0.5))
#define bit(b) (1UL << (b))
#define word(...) make_word(__VA_ARGS__)
#define F(text) text
#define I imaginary_unit
#define slots
#define emit
#define fail(message) abort_with(message)
#define require(condition) do_require(condition)
#define check(condition) do_check(condition)
#define expect(condition) do_expect(condition)
#define verify(condition) do_verify(condition)
#include "spankey/checkpoint/foreign_weights.hpp"
#include "spankey/cuda.hpp"
#include "spankey/data/npy.hpp"
#include "spankey/file/folder_lock.hpp"
#include "spankey/file/folder_room.hpp"
#include "spankey/file/lease.hpp"
#include "spankey/infer.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/spankey.hpp"
#include "spankey/train.hpp"
#include "spankey/train/part_team.hpp"
#if !defined(min) || !defined(max) || !defined(abs) || !defined(I) || !defined(slots) || !defined(fail) || \
    !defined(require)
#error "a macro is lost"
#endif
#undef min
#undef max
#undef abs
#undef round
#undef F
#undef fail
#undef require
#undef check
#undef bit
#undef word

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace spankey;

template <class Model, class Weight>
infer::status ask(Model& model, infer::answer<Model>& found) {
  const std::vector<std::byte> image = infer::make_image<Weight>(model, 10);
  alignas(infer::image_alignment) static std::array<std::byte, infer::session<Model, Weight>::memory_bytes>
      memory;
  static const std::array<float, static_cast<std::size_t>(Model::input::size)> x{};
  infer::session<Model, Weight> session;
  if (const infer::status said = session.open(image, memory); said != infer::status::ok) return said;
  if (const infer::status said = session.bind({}); said != infer::status::ok) return said;
  if (const infer::status said = session.run_normalised(x, found); said != infer::status::ok) return said;
  static const std::array<std::uint8_t, static_cast<std::size_t>(Model::input::size)> pixels{};
  return session.run(pixels, found);
}

template <class T>
void train(const std::string& folder) {
  using network = small_cnn<reject_class::outputs(10), gate<runtime, at<1, 2>>, backend::cpu, T>;
  const image_dataset data = make_glyphs(16, 1, split::train);
  const objective<reject_class> goal{.classes = 10};
  const auto model = std::make_unique<network>();
  set_injector(*model, runtime{injector_kind::multiplicative, 2});
  const arena memory(*model, goal.groups() * 8);
  initialise(*model, 1);
  key_space keys({}, sites_of<network>(std::array{1, 2}));
  silent_observer observer;
  trainer(*model, goal, &keys, data, training_options{.epochs = 1, .batch = 8}).run(observer);
  (void)gate_evaluation(*model, &keys, data, 8, evaluation_options{}).run();
  save_key_space(keys, folder + "/keys");
  save_weights(*model, folder + "/weights");
  load_weights(*model, folder + "/weights");
  save_training_state(*model, training_state{}, folder + "/state");
  checkpoint_series series(folder);
  series.save(*model, training_state{});
}

void everything(const std::string& folder) {
  train<float>(folder);
  train<bf16>(folder);
  using session_model = small_cnn<11, gate<multiplicative, at<1, 2>>, backend::reference, float>;
  session_model model;
  infer::answer<session_model> found;
  (void)ask<session_model, float>(model, found);
  (void)ask<session_model, bf16>(model, found);
  (void)ask<session_model, std::int8_t>(model, found);
  using cpu_model = small_cnn<11, gate<additive, at<0, 1, 2>>, backend::cpu, float>;
  cpu_model on_cpu;
  infer::answer<cpu_model> also;
  (void)ask<cpu_model, std::int8_t>(on_cpu, also);
}
