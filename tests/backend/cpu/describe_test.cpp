// describe() names what runs, one line each, and follows use_isa.
#include "spankey/backend/cpu/describe.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("describe: every line is there, and the family follows use_isa") {
  const spankey::isa before = spankey::active_isa();
  spankey::use_isa(spankey::isa::portable);
  const std::string text = spankey::describe();
  spankey::use_isa(before);
  const std::string best(spankey::name_of(spankey::best_isa()));
  CHECK(text.find("spankey: " SPANKEY_VERSION_STRING "\n") == 0);
  CHECK(text.find("\nbackend: cpu\n") != std::string::npos);
  CHECK(text.find("\nkernels: portable (best here: " + best + ")\n") != std::string::npos);
  CHECK(text.find("\nbf16: storage only") != std::string::npos);
  CHECK(text.find("\nblas: OpenBLAS") != std::string::npos);
  CHECK(text.find("\nthreads: ") != std::string::npos);
  CHECK(text.find("\ncompiler: ") != std::string::npos);
  CHECK(text.back() == '\n');
}
