// Descriptors 0 to 2, and whether what was printed arrived.
#pragma once

/// Before anything opens a file: what the parent closed of descriptors 0 to 2 becomes /dev/null, so that no file of a run
/// gets the number of the terminal.
void open_standard_streams();

/// What a command's text on stdout is: beside the files that it writes, or all that it makes.
enum class output_text { beside_files, all_there_is };

/// Closes stdout at the very end. `status`; or 2, with one line on stderr (stdout.101), where the status was 0 and stdout
/// could not be written. Where nobody listens to stdout (it was closed from the start) that is so only where text is all
/// there is. A reader that went away early (`| head`) ends such a command as SIGPIPE does, without a word.
int status_after_output(int status, output_text text);
