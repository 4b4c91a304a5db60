// The bundle `X.ecg2lab`: one file that holds a model, its contract and its proof (docs/bundle.md).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/archive.h"
#include "bundle/file.h"
#include "bundle/manifest.h"
#include "bundle/proof.h"

namespace ecg2lab {

// Opened and verified: every byte was looked at, and every member is what the manifest says of it. Owns its content,
// which lies at a multiple of 64 bytes.
class Bundle {
 public:
  // Throw Error of kind `bundle` if the file is missing, is no bundle, is damaged, is of another version,
  // or if its members are not what its manifest says.
  static Bundle open(const std::string& path);  // as `read_file` takes it
  // A copy of what lies in memory.
  static Bundle open(std::span<const std::byte> content, const std::string& source);
  Bundle(AlignedBytes content, const std::string& source);

  const Manifest& manifest() const { return *manifest_; }
  const Contract& contract() const { return manifest_->contract; }
  // For what outlives the bundle.
  const std::shared_ptr<const Manifest>& shared_manifest() const { return manifest_; }
  const Proof& proof() const { return proof_; }
  // SHA-256 of the manifest, which covers every other member.
  const std::string& digest() const { return digest_; }
  const std::string& source() const { return source_; }  // printable
  std::size_t size() const;                              // bytes of all members
  const std::vector<Member>& members() const { return members_; }
  bool has(std::string_view name) const;
  // Throws Error of kind `bundle` if there is no such member.
  std::span<const std::byte> member(std::string_view name) const;

 private:
  std::string source_;
  AlignedBytes content_;
  std::vector<Member> members_;  // views into `content_`
  std::string digest_;
  std::shared_ptr<const Manifest> manifest_;
  Proof proof_;
};

}  // namespace ecg2lab
