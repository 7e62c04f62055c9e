// Precompiled for the tests of modules that do I/O.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch_asio.hpp"
