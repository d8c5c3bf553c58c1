# SPDX-License-Identifier: BSD-3-Clause
"""Mutation check of the C++ core: do tests notice when one operator, number or statement is wrong?

``places`` finds what can be changed, ``sample`` draws from it, ``rewrite`` writes all that was
drawn into one copy of the tree, ``run`` builds the copy and tries the mutants one at a time.
"""
