#include "spankey/core/choice.hpp"

#include <doctest/doctest.h>

using namespace spankey;

namespace {
enum class fruit { apple, pear };
constexpr std::array<choice<fruit>, 2> fruit_names{{{"apple", fruit::apple}, {"pear", fruit::pear}}};
}  // namespace

TEST_CASE("names and values go both ways") {
  CHECK(choose(fruit_names, "apple", "key.1", "fruit") == fruit::apple);
  CHECK(choose(fruit_names, "pear", "key.1", "fruit") == fruit::pear);
  CHECK(spelled(fruit_names, fruit::pear) == "pear");
}

TEST_CASE("an unknown name is refused with the list of what is allowed") {
  try {
    choose(fruit_names, "Apple", "key.1", "fruit");
    FAIL("accepted an unknown name");
  } catch (const error& e) {
    CHECK(e.id() == "key.1");
    CHECK(std::string(e.what()) == "[spankey.key.1] fruit: found 'Apple', expected one of: apple, pear");
  }
}
