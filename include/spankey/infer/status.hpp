// What can go wrong in inference, as values: no exception, no text, nothing that a controller would have to carry.
#pragma once

#include "spankey/core/dialect.hpp"

namespace spankey::infer {

enum class [[nodiscard]] status{
    ok,
    image_size,       // the weights are not as many bytes as the session's type says
    image_alignment,  // they do not begin at a multiple of image_alignment bytes
    image_format,     // they do not begin as an image of this version does
    image_model,      // they are of another model, or of a head with other outputs
    image_weights,    // float, bf16 or int8 weights where the session has others
    image_sites,      // the model was trained with a site that the session's gate leaves out
    image_checksum,   // some byte is not as it was written
    memory_size,      // less memory than memory_bytes
    memory_alignment,
    not_open,      // run or bind before open
    key_site,      // a key for a site that takes none, or none for one that takes one
    key_size,      // a key of another length than its site's key has
    input_size,    // other than as many bytes or numbers as the network's input has
    image_pixels,  // bytes where the image says nothing of pixels: normalise them yourself
    key_format,    // bytes that are no key file: raw numbers go to bind
    key_version,   // a key file, or a kind of key, of a later version
    key_damaged,   // a key file that is cut, or with some byte not as it was written
    key_network,   // a key that was issued for another network, or an image older than key files
    maps_format,  // bytes that are no maps of activations (infer/activation_maps.hpp) for this network's layers
    maps_damaged,  // maps with some byte not as it was written
    maps_network,  // maps of another network
    // Of an image that asks keys before it answers (infer/image_guard.hpp):
    key_refused,  // a key that it does not let in; the key before it is gone, too
    key_missing,  // run or read without a key that was let in; the answer is a refusal
    // NaN or infinity:
    image_not_finite,   // in the weights or the header of an image whose checksum fits
    key_not_finite,     // in a key, or in what it does to an activation; the key before it stays
    maps_not_finite,    // in the numbers of a map
    input_not_finite,   // in x; the answer is a refusal
    logits_not_finite,  // in what came out, of sums that grew too large; the answer is a refusal
    // Of a network of tokens:
    reads_tokens,  // run, which takes a whole sample: tokens go to read, one after another
    no_tokens,     // read, for a network that takes whole samples
    token_range,   // a number that is no token of the vocabulary
    window_full,   // the network has read as many tokens as it can: restart
    busy,          // another thread is inside the session; found in debug builds only
    // Of a sealed key (key/sealed_key_file.hpp):
    key_sealed,      // these 32 bytes do not open it, or it came without any
    key_expired,     // its last day is over, or the clock stands before its issue
    key_generation,  // it was issued before the last rotation
    key_revoked,     // the revocation list names it
    key_room,        // its payload has more bytes than the memory that came with it
};

/// A short sentence for logs; a program that never calls it does not carry the texts.
constexpr const char* message_of(status s) {
  switch (s) {
    case status::ok:
      return "ok";
    case status::image_size:
      return "weight image: wrong number of bytes for this model";
    case status::image_alignment:
      return "weight image: not aligned";
    case status::image_format:
      return "weight image: not an image of this version";
    case status::image_model:
      return "weight image: of another model or head";
    case status::image_weights:
      return "weight image: of another weight type";
    case status::image_sites:
      return "weight image: has key sites that this gate leaves out";
    case status::image_checksum:
      return "weight image: damaged";
    case status::memory_size:
      return "working memory: too small";
    case status::memory_alignment:
      return "working memory: not aligned";
    case status::not_open:
      return "session: no weights";
    case status::key_site:
      return "key: not for the sites of this model";
    case status::key_size:
      return "key: not as long as its site";
    case status::input_size:
      return "input: not as many values as the network takes";
    case status::image_pixels:
      return "weight image: does not say how bytes are normalised";
    case status::image_not_finite:
      return "weight image: holds NaN or infinity";
    case status::key_not_finite:
      return "key: holds NaN or infinity, or is too large";
    case status::input_not_finite:
      return "input: holds NaN or infinity";
    case status::logits_not_finite:
      return "answer: came to NaN or infinity";
    case status::reads_tokens:
      return "session: the network reads tokens, one after another";
    case status::no_tokens:
      return "session: the network reads no tokens";
    case status::token_range:
      return "input: not a token of the vocabulary";
    case status::window_full:
      return "session: the window is full";
    case status::busy:
      return "session: in use by another thread";
    case status::key_format:
      return "key file: not a key file";
    case status::key_version:
      return "key file: of a later version";
    case status::key_damaged:
      return "key file: damaged";
    case status::key_network:
      return "key file: of another network";
    case status::key_sealed:
      return "key file: sealed, and not opened by this key";
    case status::key_expired:
      return "key file: expired, or the clock stands before its issue";
    case status::key_generation:
      return "key file: issued before the last rotation";
    case status::key_revoked:
      return "key file: revoked";
    case status::key_room:
      return "key file: needs more memory to be opened";
    case status::maps_format:
      return "activation maps: not for the layers of this network";
    case status::maps_damaged:
      return "activation maps: damaged";
    case status::maps_network:
      return "activation maps: of another network";
    case status::maps_not_finite:
      return "activation maps: hold NaN or infinity";
    case status::key_refused:
      return "key: refused";
    case status::key_missing:
      return "session: answers to keys alone that it has let in";
  }
  return "unknown";
}

}  // namespace spankey::infer
