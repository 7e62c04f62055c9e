// Precompiled for the tests of modules without I/O.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pch_std.hpp"
