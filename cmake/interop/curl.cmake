# HTTP by libcurl: interop/curl.hpp.
find_package(CURL 7.87 ${antiphon_find} GLOBAL)
if(CURL_FOUND)
  set(antiphon_curl_libraries CURL::libcurl)
endif()
