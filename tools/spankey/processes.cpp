#include "processes.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "spankey/core/error.hpp"
#include "spankey/file/number_text.hpp"
#if defined(SPANKEY_PROGRAM_MPI)
#include "spankey/train/ranks.hpp"
#endif

namespace {

// What launchers tell a process: Open MPI's, those that speak PMI (MPICH, Slurm), Slurm's with PMIx.
std::int64_t launched_together() {
  const auto number = [](const char* name) {
    const char* const text = std::getenv(name);
    std::int64_t value = 0;
    return text != nullptr && spankey::read_number(text, value) ? value : 0;
  };
  if (const std::int64_t size = number("OMPI_COMM_WORLD_SIZE"); size > 0) return size;
  if (const std::int64_t size = number("PMI_SIZE"); size > 0) return size;
  return std::getenv("PMIX_RANK") != nullptr ? number("SLURM_STEP_NUM_TASKS") : 0;
}

#if defined(SPANKEY_PROGRAM_MPI)
spankey::mpi_processes* started = nullptr;
constexpr std::chrono::milliseconds head_start{1000};
#endif

}  // namespace

spankey::process_group* processes_of_this_run() {
  const std::int64_t size = launched_together();
  if (size < 2) return nullptr;
#if defined(SPANKEY_PROGRAM_MPI)
  if (started == nullptr) started = new spankey::mpi_processes;
  const std::int64_t known = started->size();
  if (known != size) {  // each would take itself for the only one
    leave_processes();
    spankey::fail("flag.219", "mpirun", "found ", size,
                  " processes that were started together, of which MPI knows ", known,
                  "; expected the launcher of the MPI that this program was built with");
  }
  return started;
#else
  spankey::fail("flag.218", "mpirun", "found ", size,
                " processes that were started together, expected one: this program was built without MPI");
#endif
}

void require_alone(std::string_view command) {
  if (const std::int64_t size = launched_together(); size > 1)
    spankey::fail(
        "flag.238", command, "found ", size,
        " processes that were started together, expected one: only train, eval, sweep and attack share their "
        "work");
}

#if defined(SPANKEY_PROGRAM_MPI)
bool is_first_process() { return started == nullptr || started->rank() == 0; }
void let_first_process_report() {
  if (!is_first_process()) std::this_thread::sleep_for(head_start);
}
void end_other_processes(int status) {
  if (started != nullptr) spankey::mpi_processes::end_all(status);
}
void leave_processes() {
  delete started;
  started = nullptr;
}
#else
bool is_first_process() { return true; }
void let_first_process_report() {}
void end_other_processes(int /*status*/) {}
void leave_processes() {}
#endif
