// A list of layers as text, for cases of networks that the library does not have: one layer a line, words apart by one
// space, named within the block that it stands in.
//
//   input 3 17 13                      channels, height, width of a sample; the first line
//   site 0                             a key site; or `site 0 channel`, `site 0 token`
//   conv2d conv1 8 kernel=5 stride=2 pad=none groups=1 bias
//   batch_norm2d bn1 relu epsilon=0.001 momentum=0.2 unscaled
//   layer_norm ln1 epsilon=1e-6 unscaled
//   gelu act1                          or relu, gelu_tanh, silu
//   dropout drop1 0
//   max_pool2d pool1 kernel=3 stride=2 padding=1
//   residual block1                    F(x) follows; `skip NAME`, what x goes through beside it; `join` or `join relu`
//   mean_pool2d mean
//   linear fc1 32
//   tokens pos_embed class_token       an image's places as tokens; positions, and a class token
//   project qkv 24                     a linear map of every token
//   attention attn 2 causal            in 2 heads, of queries, keys and values beside each other
//   token cls 0                        one of them
//   head fc                            the last line
// What a word of the form a=b, `bias`, `relu`, `unscaled`, `class_token`, `causal` or, behind it, `shifted` (a batch norm without a factor and with
// a summand) says may be left out: the library's defaults hold then.
#pragma once

#include <string_view>

#include "spankey/model/layer_list.hpp"

namespace conformance {

/// Numbers and activations of a sample are at most this large: no size of a network that is read from a file wraps around.
inline constexpr spankey::index_t largest_number = 4096, largest_activation = spankey::index_t{1} << 20;

/// Errors, naming the entry "layers" of the file's metadata and the line: case.121 a line that is not in this language,
/// case.122 one that the layers before it do not fit.
spankey::layer_list read_layers(std::string_view file, std::string_view text,
                                const spankey::head_outputs& outputs);

}  // namespace conformance
