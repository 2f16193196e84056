// SPDX-License-Identifier: BSL-1.0
#pragma once
// The HMAC of webhooks by OpenSSL.

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <climits>
#include <cstddef>
#include <string_view>

#include "antiphon/core/contract.hpp"
#include "antiphon/http/webhook.hpp"

namespace antiphon::http {

/// For `webhook_signer::make(http::openssl_hmac_sha256, secret)`.
/// **Errors**: a failure of OpenSSL's own (no memory) throws `std::invalid_argument`. **Source**: RFC 2104, FIPS 180-4.
[[nodiscard]] inline std::array<unsigned char, 32> openssl_hmac_sha256(std::string_view key, std::string_view data) {
    std::array<unsigned char, 32> code{};
    antiphon::detail::require(key.size() <= INT_MAX, "openssl_hmac_sha256: the key is too long");
    unsigned size = 0;
    unsigned char const* const made = ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                             reinterpret_cast<unsigned char const*>(data.data()), data.size(), code.data(), &size);
    antiphon::detail::require(made != nullptr && size == code.size(), "openssl_hmac_sha256: OpenSSL failed");
    return code;
}

}  // namespace antiphon::http
