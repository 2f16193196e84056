# The HMAC of webhooks: interop/openssl.hpp.
find_package(OpenSSL 1.1 ${antiphon_find} GLOBAL)
if(OPENSSL_FOUND)
  set(antiphon_openssl_libraries OpenSSL::Crypto)
endif()
