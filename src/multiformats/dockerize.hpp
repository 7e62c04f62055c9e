#pragma once

#include <string>
#include <string_view>

#include "multiformats/cid.hpp"

namespace dm::multiformats {

/// Letters of a `ciq…` name.
constexpr std::size_t dockerized_letters = 55;

/// A root CID as a repository name that Docker takes: base32 of the multihash, 55 letters that
/// start with "ciq". Only dag-pb under SHA2-256 has this form (malformed_name otherwise): the
/// codec is not part of it. Version 0 and 1 give the same name.
/// Spec: ipdr `convert --format=docker`.
result<std::string> dockerize(const cid& root);

/// The CIDv1 dag-pb that such a name stands for; any other text is malformed_name.
result<cid> undockerize(std::string_view name);

}  // namespace dm::multiformats
