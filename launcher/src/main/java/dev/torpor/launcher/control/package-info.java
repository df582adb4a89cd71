/** How other processes talk to a running VM: one socket, one JSON object a line. */
package dev.torpor.launcher.control;
