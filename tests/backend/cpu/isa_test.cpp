// Families are ordered, named, and selectable up to the best that the processor has.
#include "spankey/backend/cpu/isa.hpp"

#include <doctest/doctest.h>

using spankey::isa;

TEST_CASE("isa: names, selection and the refusal of what the processor lacks") {
  CHECK(spankey::name_of(isa::portable) == "portable");
  CHECK(spankey::name_of(isa::avx2) == "avx2");
  CHECK(spankey::name_of(isa::avx512) == "avx512");
  const isa before = spankey::active_isa();
  CHECK(before <= spankey::best_isa());
  for (const isa family : {isa::portable, isa::avx2, isa::avx512}) {
    if (family <= spankey::best_isa()) {
      spankey::use_isa(family);
      CHECK(spankey::active_isa() == family);
    } else {
      const isa kept = spankey::active_isa();
      CHECK_THROWS_AS(spankey::use_isa(family), spankey::error);
      CHECK(spankey::active_isa() == kept);
    }
  }
  spankey::use_isa(before);
}
