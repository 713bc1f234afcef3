// A data set of pictures in folders, one a class: classes are the folders' names in sorted order (by bytes). The first
// picture of every class comes first, by name, then the second of every class, and so on: the first N of them are of all
// classes.
//
//   ROOT/train/CLASS/FILE and ROOT/test/CLASS/FILE    both parts (val/ where there is no test/); classes are those of train
//   ROOT/CLASS/FILE                                   one folder, which data/split.hpp splits
// Names that begin with a dot are passed over, and files beside the class folders unless they are pictures. Everything else
// is refused by its name: files that are no pictures, folders in folders, pictures of another size than the first (unless all
// are resized), grey ones among coloured ones. Formats are the caller's: data/png.hpp, data/jpeg.hpp. Pictures have no mean
// and deviation of their own: see measured_pixels in data/pixel_constants.hpp.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"
#include "spankey/data/found_folder.hpp"
#include "spankey/data/picture.hpp"
#include "spankey/data/resize.hpp"
#include "spankey/data/split.hpp"

namespace spankey {

struct image_folder_options {
  index_t height = 0,
          width = 0;  // of every picture, by resize_image; 0: all must be as large as the first one
  std::uint64_t split_seed =
      0;  // of the split of one folder: not a run's, so that runs agree on what is a test
};

/// Names of the classes and, for each, its pictures.
struct class_folders {
  std::vector<std::string> classes;
  std::vector<std::vector<std::filesystem::path>> files;
};

namespace image_folder {

// Visible names, sorted. Error: data.191 no folder, or one that cannot be read.
inline std::vector<std::filesystem::directory_entry> entries_of(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code code;
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code))
    if (!entry->path().filename().string().starts_with(".")) entries.push_back(*entry);
  if (code) fail("data.191", folder.string(), "expected a folder, found ", code.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

inline bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

inline bool has_name_of_picture(const std::filesystem::path& file) {
  std::string end = file.extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  for (const char* known : {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
    if (end == known) return true;
  return false;
}

}  // namespace image_folder

/// The classes of a folder. Errors: data.191 no folder, data.192 fewer than two classes or more than most_classes, a class
/// without pictures, or pictures beside the classes, data.193 a folder where a picture should be.
inline class_folders list_class_folders(const std::filesystem::path& folder) {
  class_folders found;
  for (const auto& entry : image_folder::entries_of(folder)) {
    const std::filesystem::path& path = entry.path();
    if (!image_folder::is_folder(path)) {
      if (image_folder::has_name_of_picture(path))
        fail("data.192", path.string(),
             "found a picture beside the folders of the classes, expected it in one");
      continue;
    }
    found.classes.push_back(path.filename().string());
    std::vector<std::filesystem::path>& files = found.files.emplace_back();
    for (const auto& file : image_folder::entries_of(path)) {
      if (image_folder::is_folder(file.path()))
        fail("data.193", file.path().string(),
             "found a folder in the folder of a class, expected pictures only (two parts are train/ and "
             "test/, or val/)");
      files.push_back(file.path());
    }
    if (files.empty()) fail("data.192", path.string(), "found a class without pictures, expected some");
  }
  const std::size_t count = found.classes.size();
  if (count < 2 || count > static_cast<std::size_t>(most_classes))
    fail("data.192", folder.string(), "found ", what_lies_in(folder), archive_advice(folder),
         "; expected a folder for each of 2 to ", most_classes,
         " classes, or train/ and test/ (or val/) with such folders in both");
  return found;
}

/// The pictures of a part; both parts have the same classes. Errors: those of list_class_folders, data.198 a class of the
/// test part that the training part does not have.
inline class_folders list_image_folder(const std::filesystem::path& root, split part,
                                       std::uint64_t split_seed = 0) {
  const std::filesystem::path test = image_folder::is_folder(root / "test") ? root / "test" : root / "val";
  if (image_folder::is_folder(root / "train") && image_folder::is_folder(test)) {
    class_folders of_train = list_class_folders(root / "train");
    if (part == split::train) return of_train;
    for (auto& files : of_train.files) files.clear();
    for (const auto& entry : image_folder::entries_of(test)) {
      const std::string name = entry.path().filename().string();
      if (!image_folder::is_folder(entry.path())) continue;
      const auto at = std::find(of_train.classes.begin(), of_train.classes.end(), name);
      if (at == of_train.classes.end())
        fail("data.198", entry.path().string(), "found a class that ", (root / "train").string(),
             " does not have");
    }
    const class_folders of_test = list_class_folders(test);
    for (std::size_t c = 0; c < of_test.classes.size(); ++c) {
      const auto at = std::find(of_train.classes.begin(), of_train.classes.end(), of_test.classes[c]);
      of_train.files[static_cast<std::size_t>(at - of_train.classes.begin())] = of_test.files[c];
    }
    return of_train;
  }
  class_folders all = list_class_folders(root);
  for (std::size_t c = 0; c < all.classes.size(); ++c) {
    std::vector<std::filesystem::path>& files = all.files[c];
    const std::vector<bool> in_test = test_share(files.size(), split_seed, c);
    std::vector<std::filesystem::path> kept;
    for (std::size_t i = 0; i < files.size(); ++i)
      if (in_test[i] == (part == split::test)) kept.push_back(files[i]);
    files = std::move(kept);
  }
  return all;
}

/// The extents that every picture of a listing has to have, or is given: those of the first one. Errors: those of
/// open_picture and of require_resize.
inline extents image_folder_sample(const class_folders& training, std::span<const picture_format> formats,
                                   const image_folder_options& options = {}) {
  extents sample = open_picture(training.files.front().front(), formats)->shape();
  if (options.height == 0 && options.width == 0) return sample;
  require_resize(options.height, options.width);
  return {sample.channels, options.height, options.width};
}

/// A part of the pictures below `root`; the first picture of the training part decides size and colour of both. Errors:
/// those of list_image_folder, image_folder_sample and of reading a picture (data.181 to data.185), data.195 another size,
/// data.196 grey among coloured pictures or the other way round. Of several bad files any may be named.
inline image_dataset load_image_folder(const std::filesystem::path& root, split part,
                                       std::span<const picture_format> formats,
                                       const image_folder_options& options = {}) {
  const class_folders training = list_image_folder(root, split::train, options.split_seed);
  image_dataset data;
  data.name = "folder";
  data.sample = image_folder_sample(training, formats, options);
  data.classes = static_cast<index_t>(training.classes.size());
  const class_folders listed =
      part == split::train ? training : list_image_folder(root, part, options.split_seed);
  std::vector<const std::filesystem::path*> files;
  std::size_t longest = 0;
  for (const auto& of_class : listed.files) longest = std::max(longest, of_class.size());
  for (std::size_t i = 0; i < longest; ++i) {
    for (std::size_t c = 0; c < listed.files.size(); ++c) {
      if (i >= listed.files[c].size()) continue;
      files.push_back(&listed.files[c][i]);
      data.labels.push_back(static_cast<class_label>(c));
    }
  }
  const extents sample = data.sample;
  const bool resizes = options.height != 0 || options.width != 0;
  data.pixels.resize(files.size() * static_cast<std::size_t>(sample.size()));
  parallel_for(static_cast<index_t>(files.size()), [&](index_t i) {
    const std::filesystem::path& file = *files[static_cast<std::size_t>(i)];
    const std::unique_ptr<picture_source> source = open_picture(file, formats);
    const extents own = source->shape();
    if (own.channels != sample.channels)
      fail("data.196", file.string(), own.channels == 1 ? "found shades of grey" : "found colour",
           ", expected ", sample.channels == 1 ? "shades of grey" : "colour", " as in the first picture, ",
           training.files.front().front().string());
    std::uint8_t* const pixels = data.pixels.data() + i * sample.size();
    if (own == sample) return source->read(pixels);
    if (!resizes)
      fail("data.195", file.string(), "found ", own.width, " x ", own.height, " pixels, expected ",
           sample.width, " x ", sample.height, " as in the first picture, ",
           training.files.front().front().string(), ", or a size for all (image_folder_options, --resize)");
    std::vector<std::uint8_t> whole(static_cast<std::size_t>(own.size()));
    source->read(whole.data());
    resize_image(whole.data(), own, sample.height, sample.width, pixels);
  });
  return data;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
