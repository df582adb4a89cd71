/**
 * Other monitors, measured on the same guest as Torpor from outside: what a user would pick
 * instead.
 */
package dev.torpor.benchmarks.peer;
