#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "commands.hpp"
#include "network.hpp"
#include "run_folder.hpp"
#include "run_tokens.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/data/byte_pair_tokenizer.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors_writer.hpp"
#include "spankey/model/llama_gguf.hpp"

namespace {

using namespace spankey;

// What a GGUF says by itself.
void require_alone(const import_options& request) {
  const struct {
    const char* flag;
    bool given;
  } others[] = {{"--model", !request.model.empty()}, {"--weights", !request.weights.empty()},
                {"--data", !request.data.empty()},   {"--inject", request.inject != "none"},
                {"--deny", !request.deny.empty()},   {"--key-space", !request.key_space.empty()},
                {"--mean", !request.mean.empty()},   {"--deviation", !request.deviation.empty()}};
  for (const auto& [flag, given] : others)
    if (given) fail("flag.233", flag, "found it beside --gguf, whose file says what the network is");
}

}  // namespace

int import_gguf(const import_options& request) {
  require_alone(request);
  require_free(request.out);
  const gguf_file file = gguf_file::open(request.gguf);
  const llama_size size = llama_size_of(file, request.context.value_or(2048));
  const byte_pair_tokenizer tokenizer(file);
  if (tokenizer.size() != size.vocabulary)
    fail("gguf.113", file.name(), "found ", tokenizer.size(), " tokens and an embedding of ", size.vocabulary,
         ", expected as many");
  run_options options = options_given({{"model", "llama"},
                                       {"data", "text"},
                                       {"inject", "none"},
                                       {"deny", "none"},
                                       {"context", size.context},
                                       {"channels", size.channels},
                                       {"layers", size.layers},
                                       {"heads", size.heads},
                                       {"kv-heads", size.kv_heads},
                                       {"hidden", size.hidden},
                                       {"rope-theta", size.theta},
                                       {"norm-epsilon", size.epsilon},
                                       {"vocabulary", size.vocabulary}},
                                      "import");
  options.out = request.out;
  require_keys_fit(options);
  // All of it is read before anything is written.
  safetensors_writer writer;
  index_t parameters = 0;
  for_each_llama_tensor(
      file, size,
      [&](const std::string& name, const std::vector<index_t>& shape, const std::vector<float>& values) {
        if (!all_finite(values.data(), static_cast<index_t>(values.size())))
          fail("gguf.115", file.name(), "found numbers of ", in_quotes(name), " that are none");
        writer.add_f32(name, shape, values);
        parameters += static_cast<index_t>(values.size());
      });
  writer.add_checksums();
  const run_folder folder(options, start_of_run::fresh);
  constexpr std::array<std::string_view, 2> keys{"general.", "tokenizer."};
  const std::vector<std::byte> tokens = gguf_keys_of(file, keys);
  write_file_atomically(folder.file(tokenizer_file_name), std::span<const std::byte>(tokens),
                        file_mode::shared);
  writer.write(folder.file("weights.safetensors"));
  std::printf(
      "wrote %s/: config.json %s weights.safetensors: llama, %lld parameters, %lld tokens, a window of "
      "%lld\n",
      printable(options.out).c_str(), tokenizer_file_name, static_cast<long long>(parameters),
      static_cast<long long>(size.vocabulary), static_cast<long long>(size.context));
  return 0;
}
