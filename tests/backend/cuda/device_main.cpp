// The main function of the tests on a GPU: exit status 77, skipped, where there is none.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "spankey/backend/cuda/device.hpp"
#include "spankey/core/error.hpp"

int main(int argc, char** argv) {
  try {
    spankey::cuda::open();
  } catch (const spankey::error& e) {
    std::printf("skipped: %s\n", e.what());
    return 77;
  }
  std::printf("%s", spankey::cuda::describe_device().c_str());
  return doctest::Context(argc, argv).run();
}
