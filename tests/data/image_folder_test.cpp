#include "spankey/data/image_folder.hpp"

#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "png_files.hpp"
#include "spankey/data/png.hpp"

namespace fs = std::filesystem;
using spankey::class_label;
using spankey::extents;
using spankey::image_dataset;
using spankey::split;
using spankey_test::check_refused;
using spankey_test::colour_png;
using spankey_test::grey_png;
using spankey_test::put;
using spankey_test::scratch_directory;

namespace {

constexpr std::array formats = {spankey::png_pictures};

// A folder that a test fills: names of files from there on, with their folders.
class pictures {
 public:
  void add(const std::string& name, const std::string& content) const {
    fs::create_directories(fs::path(directory_ / name).parent_path());
    put(directory_ / name, content);
  }
  [[nodiscard]] image_dataset load(split part = split::train,
                                   const spankey::image_folder_options& options = {}) const {
    return spankey::load_image_folder(directory_.path(), part, formats, options);
  }
  void refuses(std::string_view id, std::initializer_list<std::string_view> parts,
               split part = split::train) const {
    check_refused([&] { static_cast<void>(load(part)); }, id, parts);
  }
  [[nodiscard]] std::string path() const { return directory_.path(); }

 private:
  scratch_directory directory_;
};

}  // namespace

TEST_CASE("classes are the folders in sorted order, pictures in the order of their names") {
  const pictures root;
  root.add("train/cat/2.png", grey_png(2, 1, 20));
  root.add("train/cat/10.png", grey_png(2, 1, 10));
  root.add("train/ant/z.png", grey_png(2, 1, 30));
  root.add("train/Zebra/a", grey_png(2, 1, 40));  // what a file is shows in its first bytes
  root.add("test/cat/1.png", grey_png(2, 1, 50));
  root.add("test/ant/1.png", grey_png(2, 1, 60));
  root.add("train/.DS_Store", "x");
  root.add("train/cat/.hidden/x", "x");
  root.add("train/readme.txt", "x");
  root.add("labels.csv", "x");
  const image_dataset train = root.load();
  CHECK(train.sample == extents{1, 1, 2});
  CHECK(train.classes == 3);
  CHECK(train.labels == std::vector<class_label>{0, 1, 2, 2});  // Zebra, ant, cat: as bytes
  CHECK(train.pixels == std::vector<std::uint8_t>{0, 40, 0, 30, 0, 10, 0, 20});
  const image_dataset test = root.load(split::test);
  CHECK(test.classes == 3);
  CHECK(test.labels == std::vector<class_label>{1, 2});
  CHECK(test.pixels == std::vector<std::uint8_t>{0, 60, 0, 50});
}

TEST_CASE("val takes the place of test") {
  const pictures root;
  for (const char* part : {"train", "val"})
    for (const char* name : {"a", "b"})
      root.add(std::string(part) + "/" + name + "/1.png", grey_png(2, 1, part[0] == 'v' ? 9 : 1));
  CHECK(root.load(split::test).pixels[1] == 9);
}

TEST_CASE("one folder is split: every picture is in one part, the same way each time") {
  const pictures root;
  for (unsigned i = 0; i < 12; ++i) root.add("a/" + std::to_string(i) + ".png", grey_png(2, 1, i));
  for (unsigned i = 0; i < 3; ++i) root.add("b/" + std::to_string(i) + ".png", grey_png(2, 1, 100 + i));
  const image_dataset train = root.load(), test = root.load(split::test);
  CHECK(train.size() == 10 + 2);
  CHECK(test.size() == 2 + 1);  // a fifth of twelve, and at least one
  CHECK(train.labels ==
        std::vector<class_label>{0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0});  // in turn, while there are some
  std::multiset<int> seen;
  for (const image_dataset* part : {&train, &test})
    for (spankey::index_t i = 0; i < part->size(); ++i) seen.insert(part->image(i)[1]);
  CHECK(seen == std::multiset<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 101, 102});
  CHECK(root.load(split::test).pixels == test.pixels);
  bool differs = false;
  for (std::uint64_t seed = 1; seed < 9; ++seed)
    differs = differs || root.load(split::test, {.split_seed = seed}).pixels != test.pixels;
  CHECK(differs);
}

TEST_CASE("pictures of several sizes are resized where that is asked for, and only then") {
  const pictures root;
  root.add("a/1.png", grey_png(2, 1, 100));
  root.add("a/2.png", grey_png(2, 1, 100));
  root.add("b/1.png", grey_png(4, 1));
  root.add("b/2.png", grey_png(4, 1));
  root.refuses("data.195", {".png", "4 x 1", "2 x 1", "1.png", "--resize"});
  const image_dataset data = root.load(split::train, {.height = 1, .width = 4});
  CHECK(data.sample == extents{1, 1, 4});
  CHECK(data.pixels == std::vector<std::uint8_t>{0, 25, 75, 100, 0, 1, 2, 3});
  check_refused([&] { static_cast<void>(root.load(split::train, {.height = 5000, .width = 1})); },
                "data.197");
}

TEST_CASE("the first picture decides between grey and colour") {
  const pictures root;
  root.add("train/a/1.png", grey_png(2, 1));
  root.add("train/b/1.png", grey_png(2, 1));
  root.add("test/a/1.png", grey_png(2, 1));
  root.add("test/b/pink.png", colour_png(2, 1, 9, 9, 9));
  CHECK(root.load().size() == 2);
  root.refuses("data.196", {"pink.png", "found colour", "expected shades of grey"}, split::test);
  root.add("train/a/1.png", colour_png(2, 1, 1, 2, 3));
  root.refuses("data.196", {"train/b/1.png", "found shades of grey", "expected colour", "train/a/1.png"});
}

TEST_CASE("folders that are no data set of pictures") {
  const auto refused = [](const std::vector<std::string>& files, std::string_view id,
                          std::initializer_list<std::string_view> parts, split part = split::train) {
    const pictures root;
    for (const std::string& file : files) root.add(file, file.ends_with(".txt") ? "x" : grey_png(2, 1));
    root.refuses(id, parts, part);
  };
  refused({}, "data.192", {"found nothing", "train/ and test/"});
  refused({"a/1.png", "a/2.png"}, "data.192", {"found a/", "2 to 65535"});
  refused({"photos.zip"}, "data.192", {"unzip"});
  refused({"a/1.png", "b/1.png", "c.PNG"}, "data.192", {"c.PNG", "beside the folders"});
  refused({"a/1.png", "b/.png"}, "data.192", {"/b", "without pictures"});
  refused({"a/1.png", "b/c/1.png"}, "data.193", {"b/c", "folder"});
  refused({"train/a/1.png", "train/b/1.png"}, "data.193", {"train/a", "test/"});
  refused({"train/a/1.png", "train/b/1.png", "test/c/1.png", "test/a/1.png"}, "data.198",
          {"test/c", "/train"}, split::test);
  refused({"train/a/1.png", "train/b/notes.txt", "test/a/1.png", "test/b/1.png"}, "data.185",
          {"notes.txt", "PNG"});
  check_refused([] { spankey::load_image_folder("/nowhere", split::train, formats); }, "data.191",
                {"/nowhere"});
}
