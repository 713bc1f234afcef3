// The processes of one mpirun: they train together, or share out the keys of an evaluation.
#pragma once

#include <string_view>

#include "spankey/train/tree_sum.hpp"

/// Those that were started together with this one; null where it is alone. Starts MPI at the first call. Fails with flag.218
/// where this program was built without MPI, with flag.219 where MPI was not what started it, and as mpi_processes does.
spankey::process_group* processes_of_this_run();
/// Of a command whose work is not shared: each process would do all of it, in the same folder. Fails with flag.238.
void require_alone(std::string_view command);

/// The first of them, or one that is alone: it alone writes files and says how far it is.
bool is_first_process();

/// Before an error is reported: where all processes meet the same one, the first of them reports it, and ends the others.
void let_first_process_report();
/// After an error: ends the others, which would wait for this one.
void end_other_processes(int status);
/// At an orderly end, for which all wait.
void leave_processes();
