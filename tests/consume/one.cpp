// Two translation units include everything: a function or variable that is not inline fails to link.
#include <cstdio>

#include "spankey/spankey.hpp"

spankey::index_t tasks_run_in_two();

int main() {
  const spankey::index_t tasks = tasks_run_in_two();
  std::printf("%td tasks on %td threads\n", tasks, spankey::thread_count());
  return tasks == 8 ? 0 : 1;
}
