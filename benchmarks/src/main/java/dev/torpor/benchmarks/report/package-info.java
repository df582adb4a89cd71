/**
 * What was measured, as a table, a file and a page: independent of how it was measured, so that
 * whoever measures something hands over {@link dev.torpor.benchmarks.report.Row}s.
 */
package dev.torpor.benchmarks.report;
