/** The command line: arguments, wiring, and what a person sees. */
package dev.torpor.launcher;
