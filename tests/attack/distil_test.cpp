#include "spankey/attack/distil.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace spankey;

namespace {

const std::vector<float> teacher = {2, -1, 0.5F, 0, 0.25F, 3};

double loss_of(const std::vector<float>& student, const distilling& how, std::vector<float>& dz) {
  dz.assign(student.size(), 7);
  return distilling_loss(student.data(), teacher.data(), 2, 3, how, dz.data());
}

}  // namespace

TEST_CASE("distilling: its gradient is the numeric one, for any temperature and share") {
  for (const distilling how :
       {distilling{}, distilling{.temperature = 1, .share = 1}, distilling{.share = 0}}) {
    std::vector<float> student = {0.5F, 0.75F, -1, 1, 0, -0.5F}, dz, unused;
    loss_of(student, how, dz);
    for (std::size_t i = 0; i < student.size(); ++i) {
      const float z = student[i];
      student[i] = z + 1.0F / 64;
      const double up = loss_of(student, how, unused);
      student[i] = z - 1.0F / 64;
      const double down = loss_of(student, how, unused);
      student[i] = z;
      CHECK(static_cast<double>(dz[i]) == doctest::Approx((up - down) * 32).epsilon(1e-3).scale(1));
    }
  }
}

TEST_CASE("distilling: a student that answers as its teacher does has nothing to learn from soft answers") {
  std::vector<float> dz;
  CHECK(loss_of(teacher, {.share = 1}, dz) == doctest::Approx(0));
  for (const float d : dz) CHECK(static_cast<double>(d) == doctest::Approx(0));
  // Logits that are all moved by a constant are the same answers.
  std::vector<float> moved = teacher;
  for (std::size_t i = 0; i < 3; ++i) moved[i] += 2;
  CHECK(loss_of(moved, {.share = 1}, dz) == doctest::Approx(0));
  CHECK(loss_of({0, 0, 0, 0, 0, 0}, {.share = 1}, dz) > 0.1);
}
