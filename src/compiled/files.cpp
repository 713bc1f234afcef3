#include "spankey/checkpoint/checkpoint_series.inl"
#include "spankey/checkpoint/issued_key_file.inl"
#include "spankey/checkpoint/key_space_file.inl"
#include "spankey/checkpoint/training_state.inl"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/checksum.inl"
#include "spankey/file/dtype.inl"
#include "spankey/file/gguf.inl"
#include "spankey/file/input_file.inl"
#include "spankey/file/printable.inl"
#include "spankey/file/safetensors.inl"
#include "spankey/file/safetensors_header.inl"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/file/tensor_checksums.inl"

namespace spankey {

template void write_file_atomically<posix_calls>(const std::string&, std::span<const std::byte>, file_mode);
template void write_file_atomically<posix_calls>(const std::string&, std::string_view, file_mode);
template class basic_safetensors_writer<>;

}  // namespace spankey
