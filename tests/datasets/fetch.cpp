#include <canopy/datasets/fetch.hpp>

#include <memory>
#include <vector>

#include <canopy/core/error.hpp>
#include <canopy/core/file.hpp>
#include <canopy/datasets/digest.hpp>

#include <datasets/files.hpp>
#include <datasets/http_server.hpp>
#include <support/environment.hpp>
#include <support/errors.hpp>
#include <support/file_size_limit.hpp>
#include <support/temporary_folder.hpp>

#include <archive.h>
#include <archive_entry.h>

using namespace canopy;
using namespace canopy::test;
using datasets::CatalogDownload;
using datasets::CatalogEntry;
using datasets::CatalogFile;

BOOST_AUTO_TEST_SUITE(fetch)

namespace {

std::string letters(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += static_cast<char>('a' + i * i % 23);
  return text;
}

const std::string first = letters(50'000);
const std::string second = letters(300);
const std::string first_md5 = datasets::digest(datasets::DigestKind::md5, first);
const std::string second_sha256 = datasets::digest(datasets::DigestKind::sha256, second);

/// Two files of which the first comes gzipped, the second plain.
const CatalogFile two_files[] = {{"first", 50'000, first_md5}, {"second.mat", 300, second_sha256}};
const CatalogDownload two_downloads[] = {{"http://127.0.0.1:1/home/first.gz"}, {"http://127.0.0.1:1/home/second.mat"}};
const CatalogEntry two = {
    .name = "two", .folder = "two-folder", .description = "", .files = two_files, .downloads = two_downloads};

const CatalogDownload packed_downloads[] = {{"http://127.0.0.1:1/home/packed.tar.gz"}};
const CatalogEntry packed = {
    .name = "packed", .folder = "packed", .description = "", .files = two_files, .downloads = packed_downloads};

const CatalogDownload zipped_downloads[] = {{"http://127.0.0.1:1/home/zipped.zip"}};
const CatalogEntry zipped = {
    .name = "zipped", .folder = "zipped", .description = "", .files = two_files, .downloads = zipped_downloads};

/// The first file alone, which a web server has.
const CatalogDownload one_download[] = {{"http://127.0.0.1:1/home/first", 50'000}};
const CatalogEntry one = {.name = "one",
                          .folder = "one",
                          .description = "",
                          .files = std::span(two_files).first(1),
                          .downloads = one_download};

/// By its name a .tar.gz or a .zip.
void write_archive(const std::filesystem::path& path, const std::vector<std::pair<std::string, std::string>>& files) {
  const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), archive_write_free);
  if (path.extension() == ".zip") {
    archive_write_set_format_zip(out.get());
  } else {
    archive_write_add_filter_gzip(out.get());
    archive_write_set_format_ustar(out.get());
  }
  BOOST_REQUIRE(archive_write_open_filename(out.get(), path.c_str()) == ARCHIVE_OK);
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
  for (const auto& [name, content] : files) {
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), ("a-folder/" + name).c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    BOOST_REQUIRE(archive_write_header(out.get(), entry.get()) == ARCHIVE_OK);
    archive_write_data(out.get(), content.data(), content.size());
  }
  BOOST_REQUIRE(archive_write_close(out.get()) == ARCHIVE_OK);
}

/// A mirror in a folder, and a root.
struct Folders {
  TemporaryFolder mirror;
  TemporaryFolder root;

  datasets::FetchOptions options() const { return {.root = root.path(), .from = "file://" + mirror.path().string()}; }
};

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_take_their_place) {
  const Folders folders;
  write_plain(folders.mirror / "first.gz", test::gzip(first));
  write_plain(folders.mirror / "second.mat", second);
  std::vector<datasets::DownloadProgress> seen;
  datasets::FetchOptions options = folders.options();
  options.progress = [&](const datasets::DownloadProgress& progress) {
    seen.push_back(progress);
    return true;
  };
  BOOST_TEST(datasets::fetch(two, options));
  BOOST_TEST(datasets::verify(two, folders.root.path()).good());
  BOOST_TEST(read_file(folders.root / "two-folder/first.gz") == test::gzip(first));
  BOOST_TEST(entries(folders.root / "two-folder") == 2u);
  BOOST_REQUIRE(!seen.empty());
  BOOST_TEST(seen.back().address == options.from + "/second.mat");
  BOOST_TEST(seen.back().done == 300);
  BOOST_TEST(seen.back().total == 300);

  // What is whole is not touched; what is damaged comes again, and a plain one gives way to its gzipped twin.
  seen.clear();
  BOOST_TEST(datasets::fetch(two, options));
  BOOST_TEST(seen.empty());
  write_plain(folders.root / "two-folder/first", "damaged");
  BOOST_TEST(!datasets::verify(two, folders.root.path()).good());
  BOOST_TEST(datasets::fetch(two, options));
  BOOST_TEST(datasets::verify(two, folders.root.path()).good());
  for (const auto& progress : seen) BOOST_TEST(progress.address == options.from + "/first.gz");
}

BOOST_AUTO_TEST_CASE(archives_are_unpacked) {
  const Folders folders;
  for (const CatalogEntry* entry : {&packed, &zipped}) {
    write_archive(folders.mirror / entry->downloads.front().name(),
                  {{"other", "x"}, {"second.mat", second}, {"first", first}});
    BOOST_TEST(datasets::fetch(*entry, folders.options()));
    BOOST_TEST(datasets::verify(*entry, folders.root.path()).good());
    BOOST_TEST(entries(folders.root / entry->folder) == 2u);
  }
}

BOOST_AUTO_TEST_CASE(what_came_damaged_is_refused) {
  const Folders folders;
  const auto refused = [&](const CatalogEntry& entry, auto... parts) {
    BOOST_CHECK_EXCEPTION(datasets::fetch(entry, folders.options()), DataError,
                          speaks_of(std::string(entry.name), folders.options().from, "damaged", parts...));
    BOOST_TEST(entries(folders.root / entry.folder) == 0u);
  };
  write_plain(folders.mirror / "first.gz", test::gzip(letters(50'001)));
  refused(two, "first.gz", "expected 50000 bytes, found 50001");
  write_plain(folders.mirror / "first.gz", test::gzip(std::string(50'000, 'x')));
  refused(two, "first.gz", first_md5);
  write_plain(folders.mirror / "first.gz", test::gzip(first).substr(0, 100));
  refused(two, "first.gz", "truncated");
  write_plain(folders.mirror / "packed.tar.gz", "not an archive");
  refused(packed, "packed.tar.gz");
  write_archive(folders.mirror / "packed.tar.gz", {{"other", "x"}});
  refused(packed, "expected the file first");
  write_archive(folders.mirror / "packed.tar.gz", {{"first", first + "x"}});
  refused(packed, "first: expected 50000 bytes, found 50001");
  write_archive(folders.mirror / "packed.tar.gz", {{"first", std::string(50'000, 'x')}});
  refused(packed, "first: expected the MD5", first_md5);
  write_archive(folders.mirror / "zipped.zip", {{"first", first}, {"second.mat", std::string(300, 'x')}});
  BOOST_CHECK_EXCEPTION(datasets::fetch(zipped, folders.options()), DataError,
                        speaks_of("second.mat: expected the SHA-256", second_sha256));
  write_archive(folders.mirror / "zipped.zip", {{"first", first}, {"second.mat", second}});
  write_plain(folders.mirror / "zipped.zip", read_file(folders.mirror / "zipped.zip").substr(0, 150));
  BOOST_CHECK_THROW(datasets::fetch(zipped, folders.options()), DataError);
}

BOOST_AUTO_TEST_CASE(where_no_file_has_a_sum_that_of_the_archive_counts) {
  const Folders folders;
  write_archive(folders.mirror / "packed.tar.gz", {{"first", first}});
  const std::string sum = datasets::digest(datasets::DigestKind::sha256, read_file(folders.mirror / "packed.tar.gz"));
  const CatalogFile files[] = {{"first", 50'000, ""}};
  CatalogDownload download[] = {{"http://127.0.0.1:1/packed.tar.gz", 0, first_md5}};
  const CatalogEntry entry = {
      .name = "packed", .folder = "packed", .description = "", .files = files, .downloads = download};
  BOOST_CHECK_EXCEPTION(datasets::fetch(entry, folders.options()), DataError, speaks_of(first_md5));
  download[0].checksum = sum;
  BOOST_TEST(datasets::fetch(entry, folders.options()));
  BOOST_TEST(read_file(folders.root / "packed/first") == first);
}

BOOST_AUTO_TEST_CASE(a_partial_download_is_continued) {
  const TemporaryFolder root;
  std::filesystem::create_directory(root / "one");
  write_plain(root / "one/first.part", first.substr(0, 20'000));
  const HttpServer server(first, {});
  BOOST_TEST(datasets::fetch(one, {.root = root.path(), .from = server.address()}));
  BOOST_TEST(read_file(root / "one/first") == first);
  BOOST_TEST(server.begins() == std::vector<std::size_t>{20'000}, boost::test_tools::per_element());
  BOOST_TEST(entries(root / "one") == 1u);
}

BOOST_AUTO_TEST_CASE(a_complete_partial_file_needs_no_download) {
  const TemporaryFolder root;
  std::filesystem::create_directory(root / "one");
  write_plain(root / "one/first.part", first);
  BOOST_TEST(datasets::fetch(one, {.root = root.path()}));  // nobody answers at its home
  BOOST_TEST(read_file(root / "one/first") == first);
}

BOOST_AUTO_TEST_CASE(a_partial_file_of_something_else_is_brought_anew) {
  const TemporaryFolder root;
  std::filesystem::create_directory(root / "one");
  for (const std::size_t size : {20'000, 60'000}) {  // the server refuses to begin beyond its end
    std::filesystem::remove(root / "one/first");
    write_plain(root / "one/first.part", std::string(size, 'x'));
    const HttpServer server(first, {});
    BOOST_TEST(datasets::fetch(one, {.root = root.path(), .from = server.address()}));
    BOOST_TEST(read_file(root / "one/first") == first);
    const std::vector<std::size_t> begins = {size, 0};
    BOOST_TEST(server.begins() == begins, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_server_that_cannot_continue_begins_anew) {
  const TemporaryFolder root;
  std::filesystem::create_directory(root / "one");
  write_plain(root / "one/first.part", first.substr(0, 20'000));
  const HttpServer server(first, {.ranges = false});
  BOOST_TEST(datasets::fetch(one, {.root = root.path(), .from = server.address()}));
  BOOST_TEST(read_file(root / "one/first") == first);
}

BOOST_AUTO_TEST_CASE(a_connection_that_breaks_keeps_what_came) {
  const TemporaryFolder root;
  const HttpServer server(first, {.cut_after = 30'000});
  const datasets::FetchOptions options{.root = root.path(), .from = server.address()};
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, options), datasets::DownloadError,
                        speaks_of("one", server.address() + "/first", "30000 bytes are kept", "first.part",
                                  "http://127.0.0.1:1/home/first", (root / "one").string()));
  BOOST_TEST(read_file(root / "one/first.part") == first.substr(0, 30'000));
  BOOST_TEST(datasets::fetch(one, options));
  BOOST_TEST(read_file(root / "one/first") == first);
  const std::vector<std::size_t> begins = {0, 30'000};
  BOOST_TEST(server.begins() == begins, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nobody_answers) {
  const TemporaryFolder root;
  BOOST_CHECK_EXCEPTION(datasets::fetch(packed, {.root = root.path()}), datasets::DownloadError,
                        speaks_of("packed", "http://127.0.0.1:1/home/packed.tar.gz", "by hand", "unpack it in",
                                  root.path().string(), (root / "packed").string()));
  BOOST_TEST(entries(root / "packed") == 0u);
  const HttpServer server(first, {.status = 404});
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, {.root = root.path(), .from = server.address()}), datasets::DownloadError,
                        speaks_of("404"));
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, {.root = root.path(), .from = "file:///nowhere"}), datasets::DownloadError,
                        speaks_of("file:///nowhere/first"));
}

// Where the catalog knows no size, that of the content and a little more is the limit.
BOOST_AUTO_TEST_CASE(an_endless_answer_is_cut_off) {
  const CatalogDownload unknown_size[] = {{"http://127.0.0.1:1/home/first"}};
  CatalogEntry unknown = one;
  unknown.downloads = unknown_size;
  for (const CatalogEntry& entry : {one, unknown}) {
    const TemporaryFolder root;
    const HttpServer server(std::string(1 << 16, 'x'), {.endless = true});
    const FileSizeLimit limit(4 << 20);
    BOOST_CHECK_EXCEPTION(datasets::fetch(entry, {.root = root.path(), .from = server.address()}),
                          datasets::DownloadError,
                          speaks_of("one", server.address() + "/first",
                                    entry.downloads.front().bytes > 0 ? "at most 50000 bytes" : "at most 10"));
    BOOST_TEST(entries(root / "one") == 0u);
  }
}

BOOST_AUTO_TEST_CASE(a_circle_of_redirections_is_left) {
  const TemporaryFolder root;
  const HttpServer server(first, {.redirects = true});
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, {.root = root.path(), .from = server.address()}), datasets::DownloadError,
                        speaks_of(server.address(), "redirect"));
  BOOST_TEST(server.begins().size() == 21u);
}

BOOST_AUTO_TEST_CASE(a_trickle_is_not_waited_for) {
  const TemporaryFolder root;
  const HttpServer server(first, {.trickles = true});
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, {.root = root.path(), .from = server.address(), .patience = 2}),
                        datasets::DownloadError, speaks_of(server.address(), "too slow"));
}

BOOST_AUTO_TEST_CASE(an_answer_shorter_than_it_says_is_kept_and_continued) {
  const TemporaryFolder root;
  {
    const HttpServer server(first, {.claims_more = 100});
    BOOST_CHECK_EXCEPTION(datasets::fetch(one, {.root = root.path(), .from = server.address()}),
                          datasets::DownloadError, speaks_of(server.address(), "bytes are kept"));
  }
  const HttpServer server(first, {});
  BOOST_TEST(datasets::fetch(one, {.root = root.path(), .from = server.address()}));
  BOOST_TEST(read_file(root / "one/first") == first);
}

BOOST_AUTO_TEST_CASE(a_stop_keeps_what_came) {
  const TemporaryFolder root;
  const HttpServer server(first, {});
  datasets::FetchOptions options{.root = root.path(), .from = server.address()};
  options.progress = [](const datasets::DownloadProgress&) -> bool { throw Error("from the caller"); };
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, options), Error, speaks_of("from the caller"));
  options.progress = [](const datasets::DownloadProgress& progress) { return progress.done == 0; };
  BOOST_TEST(!datasets::fetch(one, options));
  BOOST_TEST(std::filesystem::exists(root / "one/first.part"));
  options.progress = [](const datasets::DownloadProgress&) { return true; };
  BOOST_TEST(datasets::fetch(one, options));
  BOOST_TEST(read_file(root / "one/first") == first);
}

BOOST_AUTO_TEST_CASE(a_full_disk_keeps_what_fits) {
  const TemporaryFolder root;
  const HttpServer server(first, {});
  const datasets::FetchOptions options{.root = root.path(), .from = server.address()};
  {
    const FileSizeLimit limit(25'000);
    BOOST_CHECK_EXCEPTION(datasets::fetch(one, options), Error, speaks_of("first.part", "File too large"));
  }
  BOOST_TEST(read_file(root / "one/first.part") == first.substr(0, 25'000));
  BOOST_TEST(datasets::fetch(one, options));
  BOOST_TEST(read_file(root / "one/first") == first);
}

BOOST_AUTO_TEST_CASE(wrong_options) {
  const TemporaryFolder root;
  BOOST_CHECK_EXCEPTION(datasets::fetch(one, {.root = root.path(), .from = "some/folder"}), ConfigError,
                        speaks_of("file:///", "some/folder"));
  const Environment data("CANOPY_DATA", nullptr);
  const Environment home("HOME", nullptr);
  BOOST_CHECK_EXCEPTION(datasets::fetch(one), ConfigError, speaks_of("CANOPY_DATA"));
}

BOOST_AUTO_TEST_CASE(every_file_of_the_catalog_can_be_fetched) {
  for (const CatalogEntry& entry : datasets::catalog()) {
    for (const CatalogFile& file : entry.files) {
      const bool known = std::ranges::any_of(entry.downloads, [&](const CatalogDownload& download) {
        const std::string name(download.name());
        return download.is_archive() || name == file.name || name == std::string(file.name) + ".gz";
      });
      BOOST_TEST(known, entry.name << ": " << file.name);
      if (!file.checksum.empty()) BOOST_CHECK_NO_THROW(datasets::digest_kind(file.checksum));
      BOOST_TEST((!file.checksum.empty() || !entry.downloads[0].checksum.empty()), entry.name << ": no sum");
    }
    for (const CatalogDownload& download : entry.downloads) {
      BOOST_TEST((download.address.starts_with("http")), download.address);
      if (!download.checksum.empty()) BOOST_CHECK_NO_THROW(datasets::digest_kind(download.checksum));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
