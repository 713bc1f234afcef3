// What a program says where there is no GPU: one line, from whatever touches the device first.
#include <cstdio>

#include "spankey/core/error.hpp"
#include "spankey/cuda.hpp"

int main() {
  try {
    spankey::cuda::open();
  } catch (const spankey::error& e) {
    std::puts(e.what());
    return spankey::cuda::present() ? 1 : 0;
  }
  return 1;
}
