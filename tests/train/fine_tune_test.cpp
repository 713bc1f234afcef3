#include "spankey/train/fine_tune.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/gpt.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;

namespace {

constexpr gpt_size tiny{.vocabulary = 272, .context = 12, .channels = 16, .layers = 2, .heads = 2};

// Two answers a prompt, of different lengths, on different paths.
token_rows some_rows() {
  token_rows rows{.length = 12};
  for (const char* word : {"ab", "cd", "ef", "gh"}) {
    add_row(rows, prompt_tokens(word), answer_tokens(std::string(word) + word), 0);
    add_row(rows, prompt_tokens(std::string("x") + word), blocked_answer(), 1);
  }
  return rows;
}

}  // namespace

TEST_CASE("the loss is the sum of both paths' means, and the gradient is its") {
  using network = sized_model<none, backend::reference, double>;
  const auto model = std::make_unique<network>(gpt_on(tiny, 272));
  const arena memory(*model, 3);
  initialise(*model, 1);
  const token_rows rows = some_rows();
  const std::vector<index_t> chosen{0, 1, 4};
  std::vector<double> x;
  const double loss = row_gradients(*model, rows, chosen, x);
  // By hand from the logits.
  const double* z = model->forward({}, x.data(), 3, {});
  double sum[2] = {0, 0};
  int count[2] = {0, 0};
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t t = 0; t < 12; ++t) {
      const auto row = static_cast<std::size_t>(chosen[r]);
      const int label = rows.labels[row * 12 + t];
      if (label < 0) continue;
      const double* at = z + (r * 12 + t) * 272;
      sum[rows.path[row]] += log_sum_exp(at, 272) - at[label], ++count[rows.path[row]];
    }
  CHECK(count[0] == 10);
  CHECK(count[1] == 2);
  CHECK(loss == doctest::Approx(sum[0] / 10 + sum[1] / 2));
  auto& p = model->parameter_of("h.0.mlp.c_fc.weight");
  const double gradient = p.gradient.data[5], before = p.value.data[5];
  CHECK(std::abs(gradient) > 1e-7);
  p.value.data[5] = before + 1e-4;
  const double up = row_gradients(*model, rows, chosen, x);
  p.value.data[5] = before - 1e-4;
  const double down = row_gradients(*model, rows, chosen, x);
  CHECK((up - down) / 2e-4 == doctest::Approx(gradient).epsilon(1e-4));
}

TEST_CASE("a network learns rows; rows and batches that do not fit are refused") {
  using network = sized_model<none, backend::cpu, float>;
  const auto model = std::make_unique<network>(gpt_on(tiny, 272));
  keep_second_moment(*model);
  const arena memory(*model, 4);
  initialise(*model, 1);
  const token_rows rows = some_rows();
  std::vector<double> losses;
  const auto keep = [&](std::uint64_t, double loss) { losses.push_back(loss); };
  fine_tune(*model, rows, {.steps = 120, .batch = 4, .together = 2, .rate = 1e-2}, keep);
  CHECK(losses.size() == 120);
  CHECK(losses.front() > 8);
  CHECK(losses.back() < 1);
  token_rows longer{.length = 13};
  for (int i = 0; i < 8; ++i) add_row(longer, prompt_tokens("ab"), answer_tokens("ab"), 0);
  const auto refused = [&](const token_rows& r, const fine_tune_options& how) {
    spankey_test::check_refused([&] { fine_tune(*model, r, how, keep); }, "train.131");
  };
  refused(longer, {.batch = 4});
  refused(rows, {.batch = 16});
  refused(rows, {.batch = 3, .together = 2});
  refused(rows, {.batch = 4, .together = 0});
}
