/** What the tests of every module share: tags, the summary, and counts of kernel resources. */
package dev.torpor.testing;
