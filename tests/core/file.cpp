#include <canopy/core/file.hpp>

#include <string>

#include <canopy/core/error.hpp>

#include <support/errors.hpp>
#include <support/file_size_limit.hpp>
#include <support/temporary_folder.hpp>

#include <sys/stat.h>
#include <unistd.h>
#include <boost/test/unit_test.hpp>

using namespace canopy;
using test::FileSizeLimit;
using test::speaks_of;
using test::TemporaryFolder;

BOOST_AUTO_TEST_SUITE(file)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  const TemporaryFolder folder;
  for (const std::size_t size : {0, 1, 4095, 4096, 200'000}) {
    const std::string content(size, 'x');
    write_file(folder / "a", content);
    BOOST_CHECK(read_file(folder / "a") == content);
  }
  BOOST_TEST(folder.entries() == 1);
}

BOOST_AUTO_TEST_CASE(pipes_and_devices_have_no_size) {
  BOOST_TEST(read_file("/dev/null").empty());
  BOOST_TEST(read_file("/proc/self/status").find("Name:") == 0u);
  write_file("/dev/null", "gone");
  BOOST_TEST(std::filesystem::is_character_file("/dev/null"));
}

BOOST_AUTO_TEST_CASE(errors_name_the_path_and_the_reason) {
  const TemporaryFolder folder;
  BOOST_CHECK_EXCEPTION(read_file(folder / "missing"), Error, speaks_of("missing", "No such file"));
  BOOST_CHECK_EXCEPTION(read_file(folder.path()), Error, speaks_of(folder.path().string(), "Is a directory"));
  BOOST_CHECK_EXCEPTION(write_file(folder.path(), "x"), Error, speaks_of(folder.path().string(), "Is a directory"));
  BOOST_CHECK_EXCEPTION(write_file(folder / "no/file", "x"), Error, speaks_of("no/file", "No such file"));
  write_file(folder / "short", "12345");
  FileReader reader(folder / "short");
  char buffer[8];
  reader.read(buffer, 2);
  BOOST_CHECK_EXCEPTION(reader.read(buffer, 4), Error, speaks_of("short", "byte 5", "4 bytes", "found 3"));
}

BOOST_AUTO_TEST_CASE(without_a_commit_the_old_file_stays) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  {
    FileWriter writer(folder / "a");
    writer.write("new");
    BOOST_TEST(folder.entries() == 2);
  }
  BOOST_TEST(folder.entries() == 1);
  BOOST_TEST(read_file(folder / "a") == "old");
}

BOOST_AUTO_TEST_CASE(writers_of_one_folder_do_not_meet) {
  const TemporaryFolder folder;
  FileWriter a(folder / "a");
  FileWriter b(folder / "b");
  a.write("first");
  b.write("second");
  b.commit();
  a.commit();
  BOOST_TEST(read_file(folder / "a") == "first");
  BOOST_TEST(read_file(folder / "b") == "second");
  BOOST_TEST(folder.entries() == 2);
  BOOST_CHECK_THROW(a.write("more"), Error);
}

BOOST_AUTO_TEST_CASE(permissions_and_links_survive) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  std::filesystem::permissions(folder / "a", std::filesystem::perms(0640));
  std::filesystem::create_symlink("a", folder / "link");
  write_file(folder / "link", "new");
  BOOST_TEST(std::filesystem::is_symlink(folder / "link"));
  BOOST_TEST(read_file(folder / "a") == "new");
  BOOST_TEST(static_cast<int>(std::filesystem::status(folder / "a").permissions()) == 0640);
}

BOOST_AUTO_TEST_CASE(links_to_what_is_not_there_lead_to_a_new_file) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "there");
  std::filesystem::create_symlink("second", folder / "first");
  std::filesystem::create_symlink(folder / "there/target", folder / "second");
  write_file(folder / "first", "new");
  BOOST_TEST(std::filesystem::is_symlink(folder / "first"));
  BOOST_TEST(std::filesystem::is_symlink(folder / "second"));
  BOOST_TEST(read_file(folder / "there/target") == "new");
  std::filesystem::create_symlink("no/target", folder / "lost");
  BOOST_CHECK_EXCEPTION(write_file(folder / "lost", "x"), Error, speaks_of("no/target", "No such file"));
  std::filesystem::create_symlink("ring", folder / "ring");
  BOOST_CHECK_EXCEPTION(write_file(folder / "ring", "x"), Error, speaks_of("ring", "symbolic links"));
  BOOST_TEST(std::filesystem::is_symlink(folder / "ring"));
}

BOOST_AUTO_TEST_CASE(windows_show_any_part_of_a_file) {
  const TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 20'000; ++i) content += static_cast<char>('a' + i % 26);
  write_file(folder / "a", content);
  const MappedFile file(folder / "a");
  BOOST_TEST(file.size() == content.size());
  for (const std::size_t offset : {0u, 1u, 4095u, 4096u, 12345u, 19999u, 20000u}) {
    for (const std::size_t count : {0u, 1u, 5000u}) {
      if (offset + count <= content.size()) {
        const MappedFile::Window window = file.map(offset, count);
        BOOST_TEST((count == 0 || content.compare(offset, count, window.data(), count) == 0));
      } else {
        BOOST_CHECK_EXCEPTION(file.map(offset, count), Error, speaks_of("/a", "ends at byte 20000"));
      }
    }
  }
  BOOST_CHECK_THROW(file.map(~std::uint64_t{0}, 1), Error);
  BOOST_CHECK_EXCEPTION(MappedFile(folder / "no"), Error, speaks_of("/no", "No such file"));
  BOOST_CHECK_EXCEPTION(MappedFile(folder.path()), Error, speaks_of("Is a directory"));
  BOOST_TEST(MappedFile("/dev/null").size() == 0u);
}

BOOST_AUTO_TEST_CASE(folders_and_names_fail_with_a_reason) {
  const TemporaryFolder folder;
  write_file(folder / "a", "x");
  BOOST_TEST(file_exists(folder / "a"));
  BOOST_TEST(file_exists(folder.path()));
  BOOST_TEST(!file_exists(folder / "b"));
  BOOST_TEST(!file_exists(folder / "a/below"));
  std::filesystem::create_symlink("circle", folder / "circle");
  const std::string long_name(300, 'x');
  BOOST_CHECK_EXCEPTION(file_exists(folder / "circle"), Error, speaks_of("circle", "Too many levels"));
  BOOST_CHECK_EXCEPTION(file_exists(folder / long_name), Error, speaks_of("File name too long"));
  make_folder(folder / "c/d");
  make_folder(folder / "c/d");
  BOOST_CHECK_EXCEPTION(make_folder(folder / "a/b"), Error, speaks_of("a/b", "Not a directory"));
  const std::vector<std::filesystem::path> content = {folder / "a", folder / "c", folder / "circle"};
  BOOST_CHECK(folder_content(folder.path()) == content);
  BOOST_CHECK_EXCEPTION(folder_content(folder / "a"), Error, speaks_of("/a", "Not a directory"));
  BOOST_CHECK_EXCEPTION(remove_file(folder / "c"), Error, speaks_of("/c", "not empty"));
  remove_file(folder / "a");
  remove_file(folder / "a");
  BOOST_TEST(!file_exists(folder / "a"));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_an_error) {
  BOOST_CHECK_EXCEPTION(write_file("/dev/full", "x"), Error, speaks_of("/dev/full", "No space left"));
}

BOOST_AUTO_TEST_CASE(a_size_limit_is_an_error_and_leaves_the_old_file) {
  const TemporaryFolder folder;
  write_file(folder / "a", "old");
  const std::string large(100'000, 'x');
  {
    const FileSizeLimit limit(50'000);
    BOOST_CHECK_EXCEPTION(write_file(folder / "a", large), Error, speaks_of("/a", "File too large"));
  }
  BOOST_TEST(read_file(folder / "a") == "old");
  BOOST_TEST(folder.entries() == 1);
  write_file(folder / "a", large);
  BOOST_CHECK(read_file(folder / "a") == large);
}

BOOST_AUTO_TEST_CASE(what_is_appended_follows_what_was_there) {
  const TemporaryFolder folder;
  for (const char* piece : {"one ", "two ", "three"}) {
    FileAppender file(folder / "a");
    file.write(piece, std::char_traits<char>::length(piece));
    file.sync();
  }
  BOOST_TEST(read_file(folder / "a") == "one two three");
  FileAppender file(folder / "a");
  file.truncate(4);
  file.write("end", 3);
  BOOST_TEST(read_file(folder / "a") == "one end");
}

BOOST_AUTO_TEST_CASE(appending_to_a_full_disk_keeps_what_fits) {
  const TemporaryFolder folder;
  {
    const FileSizeLimit limit(10'000);
    FileAppender file(folder / "a");
    const std::string piece(4'000, 'x');
    const auto append = [&] { file.write(piece.data(), piece.size()); };
    append();
    append();
    BOOST_CHECK_EXCEPTION(append(), Error, speaks_of("/a", "File too large"));
  }
  BOOST_TEST(read_file(folder / "a") == std::string(10'000, 'x'));
  BOOST_CHECK_EXCEPTION(FileAppender(folder / "no/a"), Error, speaks_of("no/a", "No such file"));
  FileAppender full("/dev/full");
  BOOST_CHECK_EXCEPTION(full.write("x", 1), Error, speaks_of("/dev/full", "No space left"));
}

BOOST_AUTO_TEST_SUITE_END()
